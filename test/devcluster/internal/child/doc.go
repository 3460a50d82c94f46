// Package child starts processes that end when this process ends, however it ends. Where the system offers no such
// thing (anything but Linux) they are plain child processes.
package child
