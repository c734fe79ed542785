// Package tools pins the module that the lab builds Pulumi's command line from; go.sum holds what it downloads.

//go:build tools

package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
