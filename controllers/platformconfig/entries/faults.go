package entries

import "fmt"

// maxFaults is the number of faults of an entry after which further ones of the same field are only counted: aliases repeat a value that is
// wrong thousands of times.
const maxFaults = 250

// faultCounter finds the fault that counts the further ones of its field.
type faultCounter struct {
	first map[[2]string]int // the index of a field's first fault
}

// counted reports whether a further fault of the field at path is only counted in faults. Otherwise, the caller appends it.
func (f *faultCounter) counted(faults []Fault, path []string) bool {
	var field [2]string
	if copy(field[:], path); field[0] != "gateway" && field[0] != "spec" {
		field[1] = ""
	}
	if first, is := f.first[field]; is && len(faults) >= maxFaults {
		faults[first].more++
		return true
	} else if !is {
		if f.first == nil {
			f.first = map[[2]string]int{}
		}
		f.first[field] = len(faults)
	}
	return false
}

// count returns the number of faults, with those that are only counted.
func count(faults []Fault) int {
	total := len(faults)
	for _, fault := range faults {
		total += fault.more
	}
	return total
}

// shown returns the faults that fit a message of limit bytes, with the number of the others, in little memory.
func shown(faults []Fault, limit int) ([]Fault, int) {
	fit, size := 0, 0
	for fit < len(faults) && (fit == 0 || size < limit) {
		size += len(faults[fit].Message)
		fit++
	}
	few := append([]Fault(nil), faults[:fit]...)
	return few, count(faults) - fit
}

// withCounts returns faults whose messages say how many further ones they count.
func withCounts(faults []Fault) []Fault {
	for i := range faults {
		if more := faults[i].more; more > 0 {
			faults[i].Message += fmt.Sprintf(" (and %d more errors of this field)", more)
		}
	}
	return faults
}
