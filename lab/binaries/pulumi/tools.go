//go:build tools

// Package tools names the program that the lab builds, so that go.mod holds all it needs.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
