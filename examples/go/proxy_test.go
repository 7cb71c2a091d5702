package runs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// replay plays a cassette until the test ends, and gives the base URL for its clients.
func replay(t *testing.T, cassette string) string {
	t.Helper()
	readyFile := filepath.Join(t.TempDir(), "ready.json")
	proxy := exec.Command("runproxy", "serve", "--cassette", cassette, "--dir", "../cassettes",
		"--port", "0", "--admin-port", "0", "--ready-file", readyFile)
	proxy.Stderr = os.Stderr
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = proxy.Wait(); close(ended) }()
	t.Cleanup(func() { _ = proxy.Process.Signal(os.Interrupt); <-ended })

	for {
		var ready struct {
			BaseURL string `json:"base_url"`
		}
		if text, err := os.ReadFile(readyFile); err == nil && json.Unmarshal(text, &ready) == nil {
			return ready.BaseURL
		}
		select {
		case <-ended:
			t.Fatal("runproxy has ended before it was ready")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
