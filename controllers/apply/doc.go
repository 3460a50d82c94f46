// Package apply brings objects to the state that was rendered for them, by server-side apply, and sends nothing for an
// object that is in that state already. What it needs to know is on the object itself, in an annotation and in managedFields,
// so a restart of the operator changes nothing. What it remembers beside that only saves it from looking twice.
package apply
