package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// question is one line of JSON to a runner of pods; a command's streams go along as descriptors.
type question struct {
	Ask       string   `json:"ask"`
	Namespace string   `json:"namespace"`
	Pod       string   `json:"pod"`
	Container string   `json:"container"`
	Previous  bool     `json:"previous"`
	Argv      []string `json:"argv"`
	Terminal  bool     `json:"terminal"`
}

// answer is one line of JSON from a runner: Unknown where it has no such pod, Refusal where it will not, else what was
// asked for.
type answer struct {
	Unknown bool   `json:"unknown"`
	Refusal string `json:"refusal"`
	Status  int    `json:"status"`
	Address string `json:"address"`
	Run     string `json:"run"`
	Running bool   `json:"running"`
	Log     string `json:"log"`
	Code    int    `json:"code"`
}

// refusal is an answer that goes to the client as it is.
type refusal struct {
	status   int
	sentence string
}

func (r refusal) Error() string { return r.sentence }

// runners are the sockets of all that run pods on this node; each knows its own pods.
type runners []string

func (r *runners) String() string { return strings.Join(*r, " ") }

func (r *runners) Set(socket string) error {
	*r = append(*r, socket)
	return nil
}

// ask gives the answer of the runner that has the pod. The files are the runner's too from then on. It takes as long as
// the runner takes; an end of ctx lets go of the runner, which ends a command that it runs for the question.
func (r runners) ask(ctx context.Context, asked question, files ...*os.File) (answer, error) {
	var trouble error
	for _, socket := range r {
		told, err := askOne(ctx, socket, asked, files)
		switch {
		case err != nil:
			trouble = fmt.Errorf("what runs the lab's pods does not answer (%w): `python -m lab up` starts it", err)
		case told.Refusal != "":
			return told, refusal{told.Status, told.Refusal}
		case !told.Unknown:
			return told, nil
		}
	}
	if trouble != nil {
		return answer{}, trouble
	}
	return answer{Unknown: true}, refusal{http.StatusNotFound, "pod does not exist"}
}

func askOne(ctx context.Context, socket string, asked question, files []*os.File) (answer, error) {
	var told answer
	connection, err := connect(socket)
	if err != nil {
		return told, err
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { connection.Close() })()
	line, err := json.Marshal(asked)
	if err != nil {
		return told, err
	}
	descriptors := make([]int, len(files))
	for number, file := range files {
		descriptors[number] = int(file.Fd())
	}
	var rights []byte
	if len(descriptors) > 0 {
		rights = unix.UnixRights(descriptors...)
	}
	line = append(line, '\n')
	sent, _, err := connection.WriteMsgUnix(line, rights, nil)
	if err == nil && sent < len(line) {
		_, err = connection.Write(line[sent:])
	}
	if err != nil {
		return told, err
	}
	return told, json.NewDecoder(connection).Decode(&told)
}

// connect goes by way of the folder: the path may be longer than the 107 bytes that an address can have.
func connect(socket string) (*net.UnixConn, error) {
	folder, err := os.Open(filepath.Dir(socket))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	name := fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(socket))
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
}
