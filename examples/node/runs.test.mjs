// Run with `node --test`: a proxy plays ../cassettes/runs.json, and the tests call it as they would call the service.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";

const folder = mkdtempSync(join(tmpdir(), "runproxy-"));
const readyFile = join(folder, "ready.json");
const anyFreePort = ["--port", "0", "--admin-port", "0"];
let proxy;
let baseUrl;

before(async () => {
  const options = ["--cassette", "runs", "--dir", join(import.meta.dirname, "../cassettes")];
  proxy = spawn("runproxy", ["serve", ...options, ...anyFreePort, "--ready-file", readyFile], { stdio: "inherit" });
  while (!existsSync(readyFile)) {
    assert.equal(proxy.exitCode, null, "runproxy has ended before it was ready");
    await setTimeout(20);
  }
  baseUrl = JSON.parse(readFileSync(readyFile)).base_url;
});

after(() => {
  proxy.kill();
  rmSync(folder, { recursive: true });
});

const modifyRun = (metadata) =>
  fetch(`${baseUrl}/threads/thread_abc123/runs/run_abc123`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "OpenAI-Beta": "assistants=v2" },
    body: JSON.stringify({ metadata }),
  });

test("a modified run says whose it is", async () => {
  const answer = await modifyRun({ user_id: "user_abc123" });
  assert.equal(answer.status, 200);
  assert.deepEqual((await answer.json()).metadata, { user_id: "user_abc123" });
});

test("the run still says so when it is got", async () => {
  const answer = await fetch(`${baseUrl}/threads/thread_abc123/runs/run_abc123`);
  assert.deepEqual((await answer.json()).metadata, { user_id: "user_abc123" });
});

test("a call that was never recorded is a miss, and says what differs", async () => {
  const answer = await modifyRun({ user_id: "somebody else" });
  assert.equal(answer.status, 501);
  const { error } = await answer.json();
  assert.equal(error.code, "cassette_miss");
  assert.match(error.message, /somebody else/);
});
