// kube-apiserver is the cluster of the tests: a real API server, its etcd, and the two controllers without which
// it is of little use, in one process that is ready within seconds. And kubectl's apply, since not every machine
// has a kubectl.
//
//	kube-apiserver serve [--data-dir DIRECTORY] [--port PORT]
//	kube-apiserver apply --kubeconfig FILE -k DIRECTORY
//
// What serves says "ready" and the path of a kubeconfig on stdout, and ends when its stdin does, so that a dead test
// leaves nothing behind. All state is in the directory: started again there, it is the same cluster. The end is
// sudden, as if the machine were lost: etcd recovers from that.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// How long a slow machine may need.
const patience = 2 * time.Minute

func main() {
	root := &cobra.Command{Use: "kube-apiserver", SilenceUsage: true}
	root.AddCommand(serveCommand(), applyCommand())
	if root.Execute() != nil {
		os.Exit(1)
	}
}

func serveCommand() *cobra.Command {
	var directory string
	var port int
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the cluster until stdin ends",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return serve(command.Context(), directory, port)
		},
	}
	command.Flags().StringVar(&directory, "data-dir", "", "where all state is; a temporary directory by default")
	command.Flags().IntVar(&port, "port", 0, "the port on 127.0.0.1; a free one by default")
	return command
}

func serve(ctx context.Context, directory string, port int) error {
	if directory == "" {
		temporary, err := os.MkdirTemp("", "kube-apiserver-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		directory = temporary
	} else if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	// All paths are relative from here on: that of a Unix socket must be short.
	if err := os.Chdir(directory); err != nil {
		return err
	}
	// Listening first keeps the port from others while the rest starts.
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	etcd, err := startEtcd()
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	token, err := writeIdentities()
	if err != nil {
		return err
	}
	stopped, err := startAPIServer(ctx, listener, etcd)
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	config, err := writeKubeconfig(listener.Addr(), token)
	if err != nil {
		return err
	}
	kubeconfig, err := filepath.Abs(kubeconfigFile)
	if err != nil {
		return err
	}
	go func() {
		if err := becomeReady(ctx, config); err != nil {
			stopped <- err
			return
		}
		fmt.Println("ready", kubeconfig)
		_, err := io.Copy(io.Discard, os.Stdin)
		stopped <- err
	}()
	// Ctrl-C reaches this process as well as the tests.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	select {
	case err := <-stopped:
		return err
	case <-signals:
		return nil
	}
}

// becomeReady waits until the API server is, starts the controllers, and waits for what they make first: pods are
// refused in a namespace that has no service account yet.
func becomeReady(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	var last error
	until := func(what string, probe func(ctx context.Context) error) error {
		err := wait.PollUntilContextTimeout(ctx, 25*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			last = probe(ctx)
			return last == nil, nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w: %w", what, err, last)
		}
		return nil
	}
	if err := until("/readyz", func(ctx context.Context) error {
		return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}); err != nil {
		return err
	}
	if err := startControllers(ctx, config); err != nil {
		return fmt.Errorf("controllers: %w", err)
	}
	return until("the service account of the default namespace", func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}
