//go:build tools

// Package tools names the program that `make lint` builds, so that go.mod holds all it needs.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
