package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// AttachIO is what a provider of virtual-kubelet gets for a command: its
// streams, nil where the caller wants none, and the sizes of its terminal.
type AttachIO interface {
	Stdin() io.Reader
	Stdout() io.WriteCloser
	Stderr() io.WriteCloser
	TTY() bool
	Resize() <-chan TermSize
}

// TermSize is the size of a terminal.
type TermSize struct {
	Width  uint16
	Height uint16
}

// ExitError says how a command ended that did not succeed. Its methods are
// those of k8s.io/utils/exec.ExitError, by which kubelets know an exit code.
type ExitError struct {
	Code     int    `json:"code"`
	Signal   string `json:"signal,omitempty"`
	TimedOut bool   `json:"timed_out,omitempty"`
}

func (e *ExitError) Error() string {
	if e.TimedOut {
		return "command ran out of time"
	}
	if e.Signal != "" {
		return fmt.Sprintf("command ended by %s", e.Signal)
	}
	return fmt.Sprintf("command ended with exit code %d", e.Code)
}

func (e *ExitError) String() string  { return e.Error() }
func (e *ExitError) Exited() bool    { return true }
func (e *ExitError) ExitStatus() int { return e.Code }

// ClientError says why there is no exit code: the agent cannot be reached or
// refuses, the connection broke, or the client itself failed.
type ClientError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *ClientError) Error() string { return e.Message }

// killDelay is how long a client may take to end when it was told to.
const killDelay = 5 * time.Second

// Exec runs commands through the agent of one machine.
type Exec struct {
	// Client is how the client is run, up to the target:
	// cocoon-agent client --cid 3
	Client []string
	// Signals are sent to the command, by their names. May be nil.
	Signals <-chan string
}

// Run runs a command until it ends. It returns nil if the command succeeds, an
// *ExitError if it doesn't, ctx's error if ctx ended first, which kills the
// command, and a *ClientError otherwise.
func (e *Exec) Run(ctx context.Context, argv []string, attach AttachIO) error {
	// The client reads what to do from descriptor 3, and tells how things are
	// on 4. It ends, and the command with it, when either is closed: also where
	// this process dies, since nobody else has our ends.
	controlReader, control, err := os.Pipe()
	if err != nil {
		return err
	}
	defer control.Close()
	status, statusWriter, err := os.Pipe()
	if err != nil {
		controlReader.Close()
		return err
	}
	defer status.Close()

	args := append(e.Client[1:len(e.Client):len(e.Client)], "--control-fd", "3", "--status-fd", "4")
	if attach.TTY() {
		args = append(args, "-t", "--escape", "none")
	}
	client := exec.Command(e.Client[0], append(append(args, "--"), argv...)...)
	client.ExtraFiles = []*os.File{controlReader, statusWriter} // 3 and 4
	client.Stdout = attach.Stdout()
	client.Stderr = attach.Stderr()
	err = start(client, attach.Stdin())
	// The client has its own by now. Ours would keep the channels open.
	controlReader.Close()
	statusWriter.Close()
	if err != nil {
		return &ClientError{"client", err.Error()}
	}

	over := make(chan struct{})
	defer close(over)
	go sendControl(control, attach.Resize(), e.Signals, over)
	result := make(chan error, 1)
	go func() {
		end := readStatus(status)
		// Wait also waits until all output was written.
		if err := client.Wait(); end == nil {
			end = &ClientError{"client", fmt.Sprintf("the client ended without a word: %v", err)}
		}
		result <- end
	}()

	var end error
	select {
	case end = <-result:
	case <-ctx.Done():
		control.Close()
		select {
		case end = <-result:
		case <-time.After(killDelay):
			client.Process.Kill()
			return ctx.Err()
		}
	}
	exit, ended := end.(*ExitError)
	switch {
	case ended && exit.Code == 0:
		return nil
	case !ended && ctx.Err() != nil:
		return ctx.Err()
	default:
		return end
	}
}

// start starts the client. With client.Stdin, Wait would wait for a reader that
// may never end, so what it says is passed on by a pipe of our own.
func start(client *exec.Cmd, stdin io.Reader) error {
	if stdin == nil {
		return client.Start()
	}
	pipe, err := client.StdinPipe()
	if err != nil {
		return err
	}
	if err := client.Start(); err != nil {
		return err
	}
	go func() {
		// It fails once Wait has closed the pipe, which is nothing to report.
		io.Copy(pipe, stdin)
		pipe.Close()
	}()
	return nil
}

// sendControl writes what the client is to do, a line of JSON for each.
func sendControl(control io.Writer, sizes <-chan TermSize, signals <-chan string, over <-chan struct{}) {
	lines := json.NewEncoder(control)
	for {
		var line any
		select {
		case size, ok := <-sizes:
			if !ok || size == (TermSize{}) {
				// virtual-kubelet repeats an empty size when there are no more.
				sizes = nil
				continue
			}
			line = map[string]any{"resize": map[string]any{"rows": size.Height, "cols": size.Width}}
		case signal, ok := <-signals:
			if !ok {
				signals = nil
				continue
			}
			line = map[string]any{"signal": signal}
		case <-over:
			return
		}
		if lines.Encode(line) != nil {
			return // The client has ended.
		}
	}
}

// readStatus reads the client's lines to their end. The last one tells how the
// command ended; it returns nil if there is none that does.
func readStatus(status io.Reader) (end error) {
	for lines := json.NewDecoder(status); ; {
		var line struct {
			Exit  *ExitError
			Error *ClientError
		}
		switch err := lines.Decode(&line); {
		case err != nil:
			return end
		case line.Exit != nil:
			end = line.Exit
		case line.Error != nil:
			end = line.Error
		}
	}
}
