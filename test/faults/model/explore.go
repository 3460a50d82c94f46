package model

import "fmt"

// Step is something that happens in a world, and the world after it.
type Step[W comparable] struct {
	What string
	To   W
}

// Explored is what there is to know of all worlds that can be reached.
type Explored[W comparable] struct {
	Worlds []W // in the order in which they were found
	from   map[W]Step[W]
}

// Explore finds all worlds that steps lead to.
func Explore[W comparable](first W, steps func(W) []Step[W]) *Explored[W] {
	e := &Explored[W]{Worlds: []W{first}, from: map[W]Step[W]{first: {}}}
	for i := 0; i < len(e.Worlds); i++ {
		world := e.Worlds[i]
		for _, step := range steps(world) {
			if _, known := e.from[step.To]; known {
				continue
			}
			e.from[step.To] = Step[W]{step.What, world}
			e.Worlds = append(e.Worlds, step.To)
		}
	}
	return e
}

// Way is how a world is reached.
func (e *Explored[W]) Way(world W) (way []string) {
	for world != e.Worlds[0] {
		step := e.from[world]
		way = append([]string{step.What}, way...)
		world = step.To
	}
	return way
}

// Settle lets nothing but the operator and the delivery of events go on until nothing changes any more.
func Settle[W comparable](world W, calm func(W) W) (W, error) {
	const most = 60
	for range most {
		next := calm(world)
		if next == world {
			return world, nil
		}
		world = next
	}
	return world, fmt.Errorf("it does not come to rest within %d steps", most)
}

// Result is what came of a model.
type Result struct {
	States     int
	Violations []string // each with the way to it
}

// Check holds every world that can be reached against what must come of it once the faults stop: it comes to rest, and is
// then as wanted.
func Check[W comparable](first W, steps func(W) []Step[W], calm func(W) W, wanted func(from, rest W) error) Result {
	explored := Explore(first, steps)
	result := Result{States: len(explored.Worlds)}
	for _, world := range explored.Worlds {
		rest, err := Settle(world, calm)
		if err == nil {
			err = wanted(world, rest)
		}
		if err != nil {
			result.Violations = append(result.Violations, fmt.Sprintf("%v; after: %q", err, explored.Way(world)))
		}
	}
	return result
}
