// Package runs shows tests against a proxy that plays ../cassettes/runs.json; run them with `go test`.
package runs

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// answer holds what the tests look at, of a run or of an error.
type answer struct {
	Metadata map[string]string
	Error    struct{ Code, Message string }
}

func call(t *testing.T, method, url, body string) (int, answer) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got answer
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, got
}

func TestRuns(t *testing.T) {
	run := replay(t, "runs") + "/threads/thread_abc123/runs/run_abc123"

	t.Run("a modified run says whose it is", func(t *testing.T) {
		status, got := call(t, "POST", run, `{"metadata": {"user_id": "user_abc123"}}`)
		if status != 200 || got.Metadata["user_id"] != "user_abc123" {
			t.Fatal(status, got)
		}
	})

	t.Run("the run still says so when it is got", func(t *testing.T) {
		status, got := call(t, "GET", run, "")
		if status != 200 || got.Metadata["user_id"] != "user_abc123" {
			t.Fatal(status, got)
		}
	})

	t.Run("a call that was never recorded is a miss, and says what differs", func(t *testing.T) {
		status, got := call(t, "POST", run, `{"metadata": {"user_id": "somebody else"}}`)
		if status != 501 || got.Error.Code != "cassette_miss" || !strings.Contains(got.Error.Message, "somebody else") {
			t.Fatal(status, got)
		}
	})
}
