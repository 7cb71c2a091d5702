// The scenario by the official SDK for Go: one line of JSON for each step.
//
// Version 3 is the newest of the SDK, and still has Beta.Threads, marked as deprecated.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

const (
	assistant = "asst_abc123"
	pollEvery = 5 * time.Millisecond
)

var user = shared.Metadata{"user_id": "user_abc123"}

// A value that the SDK has read, with the JSON it was read from.
type read interface{ RawJSON() string }

func main() {
	log.SetFlags(0)
	client := openai.NewClient()
	if err := play(context.Background(), client.Beta.Threads); err != nil {
		log.Fatal(err)
	}
}

func play(ctx context.Context, threads openai.BetaThreadService) error {
	var answer *http.Response
	heard := option.WithResponseInto(&answer)

	thread, err := threads.New(ctx, openai.BetaThreadNewParams{Metadata: shared.Metadata{"project": "Grüße 😀"}}, heard)
	if err != nil {
		return err
	}
	showAnswer("create_thread", answer, thread)
	asked := openai.BetaThreadRunNewParams{AssistantID: assistant, Metadata: user}
	run, err := threads.Runs.New(ctx, thread.ID, asked, heard)
	if err != nil {
		return err
	}
	showAnswer("create_run", answer, run)
	if run, err = poll(ctx, threads.Runs, run); err != nil {
		return err
	}
	show("poll_run", map[string]any{"body": raw(run)})

	modified := shared.Metadata{"user_id": "user_abc123", "modified": "true"}
	run, err = threads.Runs.Update(ctx, thread.ID, run.ID, openai.BetaThreadRunUpdateParams{Metadata: modified}, heard)
	if err != nil {
		return err
	}
	showAnswer("modify_run", answer, run)
	if run, err = threads.Runs.Get(ctx, thread.ID, run.ID, heard); err != nil {
		return err
	}
	showAnswer("get_run", answer, run)
	if err = refused(ctx, threads.Runs, run); err != nil {
		return err
	}
	if err = stream(ctx, threads.Runs, thread.ID); err != nil {
		return err
	}
	return list(ctx, threads.Runs, thread.ID)
}

func poll(ctx context.Context, runs openai.BetaThreadRunService, run *openai.Run) (*openai.Run, error) {
	var err error
	for err == nil && (run.Status == openai.RunStatusQueued || run.Status == openai.RunStatusInProgress) {
		time.Sleep(pollEvery)
		run, err = runs.Get(ctx, run.ThreadID, run.ID)
	}
	return run, err
}

func refused(ctx context.Context, runs openai.BetaThreadRunService, run *openai.Run) error {
	tooMany := shared.Metadata{}
	for number := range 17 {
		tooMany[fmt.Sprintf("key_%d", number)] = "value"
	}
	_, err := runs.Update(ctx, run.ThreadID, run.ID, openai.BetaThreadRunUpdateParams{Metadata: tooMany})
	var refusal *openai.Error
	if !errors.As(err, &refusal) {
		return fmt.Errorf("17 pairs were not refused: %w", err)
	}
	show("refused_modify", map[string]any{
		"error": fmt.Sprintf("%T", refusal), "status": refusal.StatusCode, "code": refusal.Code,
		"param": refusal.Param, "type": refusal.Type, "message": refusal.Message,
	})
	return nil
}

func stream(ctx context.Context, runs openai.BetaThreadRunService, thread string) error {
	events := []json.RawMessage{}
	stream := runs.NewStreaming(ctx, thread, openai.BetaThreadRunNewParams{AssistantID: assistant})
	for stream.Next() {
		events = append(events, raw(stream.Current()))
	}
	show("stream_run", map[string]any{"events": events})
	return errors.Join(stream.Err(), stream.Close())
}

func list(ctx context.Context, runs openai.BetaThreadRunService, thread string) error {
	found := []json.RawMessage{}
	pages := runs.ListAutoPaging(ctx, thread, openai.BetaThreadRunListParams{Limit: openai.Int(1)})
	for pages.Next() {
		run := pages.Current()
		found = append(found, raw(run))
	}
	show("list_runs", map[string]any{"body": found})
	return pages.Err()
}

func raw(value read) json.RawMessage { return json.RawMessage(value.RawJSON()) }

func showAnswer(step string, answer *http.Response, value read) {
	id := answer.Header.Get("X-Request-Id")
	show(step, map[string]any{"status": answer.StatusCode, "request_id": id, "body": raw(value)})
}

func show(step string, told map[string]any) {
	told["step"] = step
	line, err := json.Marshal(told)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}
