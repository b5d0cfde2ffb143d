// Command adapter runs a command in a machine as a provider of virtual-kubelet
// does, and prints how it ended as the last line of its standard error:
//
//	adapter -client "cocoon-agent client --cid 3" -tty -resize 40x120 -- bash
//
// SIGINT and -cancel-after cancel it, SIGWINCH sends the size that -resize
// names, and SIGTERM, SIGHUP and SIGUSR1 are sent on to the command.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// process attaches a command to this process's own streams.
type process struct {
	tty    bool
	resize chan TermSize
}

func (p process) Stdin() io.Reader        { return os.Stdin }
func (p process) Stdout() io.WriteCloser  { return os.Stdout }
func (p process) Stderr() io.WriteCloser  { return os.Stderr }
func (p process) TTY() bool               { return p.tty }
func (p process) Resize() <-chan TermSize { return p.resize }

var signalNames = map[os.Signal]string{
	syscall.SIGTERM: "SIGTERM",
	syscall.SIGHUP:  "SIGHUP",
	syscall.SIGUSR1: "SIGUSR1",
}

func main() {
	client := flag.String("client", "", "how the client is run, up to the target")
	tty := flag.Bool("tty", false, "give the command a terminal")
	resize := flag.String("resize", "24x80", "the `ROWSxCOLS` of the terminal after a SIGWINCH")
	cancelAfter := flag.Duration("cancel-after", 0, "when to cancel")
	flag.Parse()
	if *client == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	var size TermSize
	if _, err := fmt.Sscanf(*resize, "%dx%d", &size.Height, &size.Width); err != nil {
		fmt.Fprintf(os.Stderr, "-resize must be ROWSxCOLS, got %q\n", *resize)
		os.Exit(2)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if *cancelAfter > 0 {
		time.AfterFunc(*cancelAfter, cancel)
	}
	attach := process{*tty, make(chan TermSize)}
	signals := make(chan string)
	received := make(chan os.Signal, 16)
	signal.Notify(received, os.Interrupt, syscall.SIGWINCH, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1)
	go func() {
		for sig := range received {
			switch sig {
			case os.Interrupt:
				cancel()
			case syscall.SIGWINCH:
				attach.resize <- size
			default:
				signals <- signalNames[sig]
			}
		}
	}()

	machine := Exec{Client: strings.Fields(*client), Signals: signals}
	report(machine.Run(ctx, flag.Args(), attach))
}

// report prints how a command ended, each kind of end in a member of its own.
func report(err error) {
	end := map[string]any{}
	switch err := err.(type) {
	case nil:
		end["exit"] = &ExitError{}
	case *ExitError:
		end["exit"] = err
	case *ClientError:
		end["error"] = err
	default:
		end["cancelled"] = err.Error()
	}
	json.NewEncoder(os.Stderr).Encode(end)
}
