package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/types"
	remotecommandconsts "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	remotecommandserver "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// The kubelet's defaults (kubernetes: pkg/kubelet/kubelet.go, streamingConnectionIdleTimeout).
const (
	idleTimeout     = 4 * time.Hour
	creationTimeout = remotecommandconsts.DefaultStreamCreationTimeout
)

// session is what one client does in one pod. Its context ends when the client goes away.
//
// As on any cluster, one that uses WebSockets and no terminal leaves unnoticed: the API server, which translates them
// to SPDY, keeps its connection to the kubelet.
type session struct {
	runners runners
	ctx     context.Context
	gone    context.CancelFunc
	target  question
	address string
}

func (s *server) serveExec(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommandserver.NewOptions(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	target := targetOf(r)
	target.Ask, target.Argv, target.Terminal = "exec", r.URL.Query()["command"], options.TTY
	asked := target
	// Before the connection becomes streams, while a refusal can still be an HTTP status.
	asked.Ask = "container"
	told, err := s.runners.ask(r.Context(), asked)
	if err == nil && !told.Running {
		err = fmt.Errorf("container not found (%q)", target.Container)
	}
	if err != nil {
		refuseFor(w, err)
		return
	}
	watched, ctx, gone := watch(w, r)
	defer gone()
	inside := &session{runners: s.runners, ctx: ctx, gone: gone, target: target}
	remotecommandserver.ServeExec(
		watched, r, inside, target.Pod, "", target.Container, target.Argv, options,
		idleTimeout, creationTimeout, remotecommandconsts.SupportedStreamingProtocols,
	)
}

func (s *server) servePortForward(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	target := targetOf(r)
	target.Ask = "address"
	told, err := s.runners.ask(r.Context(), target)
	if err != nil {
		refuseFor(w, err)
		return
	}
	watched, ctx, gone := watch(w, r)
	defer gone()
	into := &session{runners: s.runners, ctx: ctx, gone: gone, target: target, address: told.Address}
	portforward.ServePortForward(
		watched, r, into, target.Pod, "", options, idleTimeout, creationTimeout, portforward.SupportedProtocols,
	)
}

func targetOf(r *http.Request) question {
	return question{
		Namespace: r.PathValue("namespace"), Pod: r.PathValue("pod"), Container: r.PathValue("container"),
	}
}

// refuseFor answers with the runner's refusal, or says that something went wrong.
func refuseFor(w http.ResponseWriter, err error) {
	var refused refusal
	if errors.As(err, &refused) {
		refuse(w, refused.status, refused.sentence)
		return
	}
	refuse(w, http.StatusInternalServerError, err.Error())
}

// ExecInContainer runs the command, its streams joined to the client's, to its end or the client's.
func (s *session) ExecInContainer(
	_ context.Context, _ string, _ types.UID, _ string, _ []string,
	in io.Reader, out, err io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration,
) error {
	var command *joined
	var failed error
	if tty {
		command, failed = joinTerminal(in, out, resize, s.gone)
	} else {
		command, failed = joinPipes(in, out, err)
	}
	if failed != nil {
		return failed
	}
	defer command.close()
	told, failed := s.runners.ask(s.ctx, s.target, command.theirs...)
	command.letGo()
	if failed != nil {
		return failed
	}
	// What the command printed last; and what it has left running in the background, as containerd waits for it.
	command.drain(s.ctx)
	if told.Code != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", told.Code), Code: told.Code}
	}
	return nil
}

// PortForward joins a client's stream to a new connection to the pod's port.
func (s *session) PortForward(_ context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(s.ctx, "tcp", net.JoinHostPort(s.address, strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer connection.Close()
	defer context.AfterFunc(s.ctx, func() { connection.Close() })()
	go func() {
		io.Copy(connection, stream)
		connection.(*net.TCPConn).CloseWrite()
	}()
	// The server's end is the end; an error is the client's, who is gone.
	io.Copy(stream, connection)
	return nil
}

// watched tells of the end of a connection that has become streams: net/http does not look at it any more.
type watched struct {
	http.ResponseWriter
	gone context.CancelFunc
}

func watch(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, context.Context, context.CancelFunc) {
	ctx, gone := context.WithCancel(r.Context())
	return &watched{w, gone}, ctx, gone
}

func (w *watched) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := w.ResponseWriter.(http.Hijacker).Hijack()
	if err == nil {
		connection = &watchedConnection{connection, w.gone}
	}
	return connection, buffered, err
}

type watchedConnection struct {
	net.Conn
	gone context.CancelFunc
}

func (c *watchedConnection) Read(buffer []byte) (int, error) {
	count, err := c.Conn.Read(buffer)
	if err != nil {
		c.gone()
	}
	return count, err
}
