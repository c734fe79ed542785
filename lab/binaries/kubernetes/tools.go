//go:build tools

// Package tools names the programs that the lab builds, so that go.mod holds all they need.
//
// k8s.io/kubernetes replaces its staging modules by folders of its own repository; go.mod replaces them by the published
// modules of the same release instead (v1.X.Y goes with v0.X.Y).
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
)
