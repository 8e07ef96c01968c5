package main

import (
	"errors"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd runs an etcd of one member in this process and returns where it listens: Unix sockets in the working
// directory, so that there is no port to collide on and no open etcd that others could reach.
func startEtcd() (string, error) {
	client := url.URL{Scheme: "unix", Host: "etcd.sock"}
	peer := url.URL{Scheme: "unix", Host: "peer.sock"}
	// Nobody connects to what a single member advertises, but it must have the form of host and port.
	nowhere := url.URL{Scheme: "http", Host: "127.0.0.1:0"}

	config := embed.NewConfig()
	config.Dir = "etcd"
	config.LogLevel = "error"
	config.ListenClientUrls = []url.URL{client}
	config.ListenPeerUrls = []url.URL{peer}
	config.AdvertiseClientUrls = []url.URL{nowhere}
	config.AdvertisePeerUrls = []url.URL{nowhere}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	// The end of a process loses nothing that was written; only that of the machine would.
	config.UnsafeNoFsync = true
	// One member elects itself after an election timeout.
	config.TickMs = 50
	config.ElectionMs = 500
	// As large as the API server lets an object be.
	config.MaxRequestBytes = 3 << 20

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return client.String(), nil
	case err := <-etcd.Err():
		return "", err
	case <-time.After(patience):
		return "", errors.New("did not get ready")
	}
}
