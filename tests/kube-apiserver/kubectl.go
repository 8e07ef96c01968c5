package main

import (
	"os"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/apply"
	"k8s.io/kubectl/pkg/cmd/util"
)

// applyCommand is kubectl's apply, with its flags.
func applyCommand() *cobra.Command {
	access := genericclioptions.NewConfigFlags(true)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	command := apply.NewCmdApply("kubectl", util.NewFactory(util.NewMatchVersionFlags(access)), streams)
	access.AddFlags(command.Flags())
	return command
}
