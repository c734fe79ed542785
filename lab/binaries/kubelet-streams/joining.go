package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/remotecommand"
)

// joined are a command's standard streams and what copies between them and the client's.
type joined struct {
	theirs  []*os.File // input, output, errors, for the runner
	ours    []*os.File
	outputs sync.WaitGroup
}

// joinPipes gives the command a pipe for each stream. A client without an input gives it an empty one.
func joinPipes(in io.Reader, out, err io.WriteCloser) (*joined, error) {
	made := &joined{}
	if in == nil {
		in = eof{}
	}
	var ends [3][2]int
	for number := range ends {
		if err := unix.Pipe2(ends[number][:], unix.O_CLOEXEC); err != nil {
			made.letGo()
			made.close()
			return nil, fmt.Errorf("no pipe: %w", err)
		}
		reading, writing := ends[number][0], ends[number][1]
		if number == 0 {
			reading, writing = writing, reading
		}
		made.ours, made.theirs = append(made.ours, own(reading)), append(made.theirs, os.NewFile(uintptr(writing), ""))
	}
	input := made.ours[0]
	go func() {
		io.Copy(input, in)
		input.Close()
	}()
	made.copyOutput(out, made.ours[1])
	made.copyOutput(err, made.ours[2])
	return made, nil
}

// joinTerminal gives the command a terminal, as large as the client's is and becomes. A client whose keyboard ends is
// gone.
func joinTerminal(
	in io.Reader, out io.WriteCloser, resize <-chan remotecommand.TerminalSize, gone func(),
) (*joined, error) {
	master, terminal, failed := openTerminal()
	if failed != nil {
		return nil, fmt.Errorf("no terminal: %w", failed)
	}
	made := &joined{theirs: []*os.File{terminal, terminal, terminal}, ours: []*os.File{master}}
	go func() {
		for size := range resize {
			resizeTo(master, size)
		}
	}()
	if in != nil {
		go func() {
			io.Copy(master, in)
			gone()
		}()
	}
	made.copyOutput(out, master)
	return made, nil
}

// copyOutput copies until the last writer is gone; a client that does not want it, or is gone, stops nobody.
func (j *joined) copyOutput(client io.Writer, output *os.File) {
	j.outputs.Add(1)
	go func() {
		defer j.outputs.Done()
		if client != nil {
			io.Copy(client, output)
		}
		io.Copy(io.Discard, output)
	}()
}

// letGo of what the runner has now, so that the end of the command's streams is seen.
func (j *joined) letGo() {
	for _, file := range j.theirs {
		file.Close()
	}
}

// drain waits for the end of the output, or of ctx.
func (j *joined) drain(ctx context.Context) {
	defer context.AfterFunc(ctx, j.close)()
	j.outputs.Wait()
}

// close ends everything; a command that still has the terminal is hung up on.
func (j *joined) close() {
	for _, file := range j.ours {
		file.Close()
	}
}

// own is our end of something: non-blocking, unlike the command's, so that closing it ends a read that waits.
func own(descriptor int) *os.File {
	unix.SetNonblock(descriptor, true)
	return os.NewFile(uintptr(descriptor), "")
}

// openTerminal makes a pseudo-terminal: our side, and the command's.
func openTerminal() (master, terminal *os.File, err error) {
	ours, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs := -1
	err = unix.IoctlSetPointerInt(ours, unix.TIOCSPTLCK, 0)
	if err == nil {
		var number int
		if number, err = unix.IoctlGetInt(ours, unix.TIOCGPTN); err == nil {
			theirs, err = unix.Open(fmt.Sprintf("/dev/pts/%d", number), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		}
	}
	if err != nil {
		unix.Close(ours)
		return nil, nil, err
	}
	return own(ours), os.NewFile(uintptr(theirs), ""), nil
}

// resizeTo sets a terminal's size. Not by the file's Fd: that would make it blocking.
func resizeTo(master *os.File, size remotecommand.TerminalSize) {
	window := &unix.Winsize{Row: size.Height, Col: size.Width}
	if raw, err := master.SyscallConn(); err == nil {
		raw.Control(func(descriptor uintptr) { unix.IoctlSetWinsize(int(descriptor), unix.TIOCSWINSZ, window) })
	}
}

// eof is an input without anything in it.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
