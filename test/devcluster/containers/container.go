package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// environment is the container's own, and nothing of ours.
func environment(pod *corev1.Pod, container corev1.Container) []string {
	variables := []string{}
	for _, variable := range container.Env {
		value := variable.Value
		if from := variable.ValueFrom; from != nil && from.FieldRef != nil {
			value = map[string]string{
				"metadata.name": pod.Name, "metadata.namespace": pod.Namespace, "metadata.uid": string(pod.UID),
			}[from.FieldRef.FieldPath]
		}
		variables = append(variables, variable.Name+"="+value)
	}
	return variables
}

// expand replaces $(NAME) in arguments by the variable's value. As for a kubelet, $$(NAME) is how to write $(NAME), and
// a name that is not a variable's stays as it is.
func expand(arguments, variables []string) []string {
	pairs := []string{"$$", "$"}
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		pairs = append(pairs, "$("+name+")", value)
	}
	replacer := strings.NewReplacer(pairs...)
	expanded := make([]string, 0, len(arguments))
	for _, argument := range arguments {
		expanded = append(expanded, replacer.Replace(argument))
	}
	return expanded
}

// tail is the end of a log, as much of it as a kubelet takes for a termination message.
type tail []byte

// Write appends to the log and forgets its beginning.
func (t *tail) Write(text []byte) (int, error) {
	const most = 2048
	*t = append(*t, text...)
	if n := len(*t); n > most {
		*t = append(tail{}, (*t)[n-most:]...)
	}
	return len(text), nil
}
