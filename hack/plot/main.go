// Command plot draws what test/bench has measured: when the tenants of each leg existed and were Ready, and the ratios of
// the operator's times to the floor's. It is a module of its own, so that what it needs is not among what the operator
// needs.
package main

import (
	"encoding/json"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// result is the part of test/bench's result that is drawn.
type result struct {
	Machine, Day string
	Figures      map[string]float64
	Curves       []struct {
		Name    string // floor or operator, the pair, exist or ready
		Seconds []float64
	}
	Ratios []struct{ Exist, Ready float64 }
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: plot RESULT.json DIRECTORY")
		os.Exit(2)
	}
	if err := draw(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func draw(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	for name, make := range map[string]func(*plot.Plot) error{"performance-curves.svg": r.curves, "performance-ratios.svg": r.ratios} {
		p := plot.New()
		if err := make(p); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p.BackgroundColor = color.White // readable on a dark page, too
		p.Add(plotter.NewGrid())
		p.Legend.Top, p.Legend.Left = true, true
		if err := p.Save(18*vg.Centimeter, 9*vg.Centimeter, filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

var (
	blue   = color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff}
	orange = color.RGBA{R: 0xd9, G: 0x5f, B: 0x02, A: 0xff}
	dashed = []vg.Length{vg.Points(4), vg.Points(3)}
)

// curves draws how many tenants existed and were Ready after how many seconds.
func (r result) curves(p *plot.Plot) error {
	p.Title.Text = fmt.Sprintf("%.0f tenants, %s", r.Figures["tenants"], r.Machine)
	p.X.Label.Text, p.Y.Label.Text = "seconds", "tenants"
	p.X.Min, p.Y.Min = 0, 0
	named := map[string]bool{}
	for _, curve := range r.Curves {
		points := make(plotter.XYs, len(curve.Seconds))
		for i, at := range curve.Seconds {
			points[i] = plotter.XY{X: at, Y: float64(i + 1)}
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		parts := strings.Fields(curve.Name)
		who, what := parts[0], parts[len(parts)-1]
		if line.Color = blue; who == "floor" {
			line.Color = orange
		}
		line.Width = vg.Points(1.2)
		if what == "exist" {
			line.Dashes = dashed
		}
		p.Add(line)
		if name := who + ": " + what; !named[name] {
			named[name] = true
			p.Legend.Add(name, line)
		}
	}
	return nil
}

// ratios draws the operator's time divided by the floor's, pair by pair.
func (r result) ratios(p *plot.Plot) error {
	p.Title.Text = "operator ÷ floor, by pair"
	p.Y.Label.Text = "ratio"
	p.Y.Min = 0
	exist, ready := make(plotter.Values, len(r.Ratios)), make(plotter.Values, len(r.Ratios))
	names := make([]string, len(r.Ratios))
	for i, ratio := range r.Ratios {
		exist[i], ready[i], names[i] = ratio.Exist, ratio.Ready, fmt.Sprintf("pair %d", i+1)
	}
	width := 1.2 * vg.Centimeter
	for _, bars := range []struct {
		name   string
		values plotter.Values
		color  color.Color
		offset vg.Length
	}{{"exist", exist, blue, -width / 2}, {"ready", ready, orange, width / 2}} {
		chart, err := plotter.NewBarChart(bars.values, width)
		if err != nil {
			return err
		}
		chart.Color, chart.Offset, chart.LineStyle.Width = bars.color, bars.offset, 0
		p.Add(chart)
		p.Legend.Add(bars.name, chart)
	}
	p.NominalX(names...)
	p.Y.Max = 2
	return nil
}
