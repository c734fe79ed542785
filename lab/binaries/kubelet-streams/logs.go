package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
	"k8s.io/utils/ptr"
)

func (s *server) serveLogs(w http.ResponseWriter, r *http.Request) {
	options, err := logOptions(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	target := targetOf(r)
	target.Ask, target.Previous = "log", options.Previous
	told, err := s.runners.ask(r.Context(), target)
	switch {
	case told.Unknown:
		refuse(w, http.StatusNotFound, fmt.Sprintf("pod %q does not exist", target.Pod))
		return
	case err != nil:
		refuseFor(w, err)
		return
	}
	// The client learns at once that it will be served, however long the first line takes.
	out := flushing{w}
	out.Write(nil)
	container := &container{runners: s.runners, target: target}
	read := logs.NewLogOptions(options, time.Now())
	if err := logs.ReadLogs(r.Context(), nil, told.Log, told.Run, read, container, out, out); err != nil {
		fmt.Fprintln(out, err)
	}
}

// logOptions reads the query as the API server writes it (kubernetes: pkg/registry/core/pod/strategy.go, LogLocation).
func logOptions(query url.Values) (*v1.PodLogOptions, error) {
	var options v1.PodLogOptions
	var troubles []error
	flags := map[string]*bool{
		"follow": &options.Follow, "previous": &options.Previous, "timestamps": &options.Timestamps,
	}
	for name, field := range flags {
		if text := query.Get(name); text != "" {
			value, err := strconv.ParseBool(text)
			*field, troubles = value, append(troubles, err)
		}
	}
	numbers := map[string]**int64{
		"sinceSeconds": &options.SinceSeconds, "tailLines": &options.TailLines, "limitBytes": &options.LimitBytes,
	}
	for name, field := range numbers {
		if text := query.Get(name); text != "" {
			value, err := strconv.ParseInt(text, 10, 64)
			*field, troubles = &value, append(troubles, err)
		}
	}
	if text := query.Get("sinceTime"); text != "" {
		value, err := time.Parse(time.RFC3339, text)
		options.SinceTime, troubles = ptr.To(metav1.NewTime(value)), append(troubles, err)
	}
	return &options, errors.Join(troubles...)
}

// flushing sends on at once what is written.
type flushing struct {
	http.ResponseWriter
}

func (f flushing) Write(text []byte) (int, error) {
	count, err := f.ResponseWriter.Write(text)
	f.ResponseWriter.(http.Flusher).Flush()
	return count, err
}

// container is the one part of a container runtime that following a log asks: whether more may come.
type container struct {
	internalapi.RuntimeService
	runners runners
	target  question
}

func (c *container) ContainerStatus(
	ctx context.Context, run string, _ bool,
) (*runtimeapi.ContainerStatusResponse, error) {
	asked := c.target
	asked.Ask = "container"
	told, err := c.runners.ask(ctx, asked)
	var refused refusal
	if err != nil && !errors.As(err, &refused) {
		// The reader then takes it for running, as the kubelet does while its runtime is away.
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	state := runtimeapi.ContainerState_CONTAINER_EXITED
	if told.Running && told.Run == run {
		state = runtimeapi.ContainerState_CONTAINER_RUNNING
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}
