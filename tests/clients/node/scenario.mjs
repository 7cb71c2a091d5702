// The scenario by the official SDK for Node: one line of JSON for each step.
import process from "node:process";

import OpenAI from "openai";

const ASSISTANT = "asst_abc123";
const USER = { user_id: "user_abc123" };
const TOO_MANY = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [`key_${number}`, "value"]));

const show = (step, told) => process.stdout.write(`${JSON.stringify({ step, ...told })}\n`);

async function showAnswer(step, promise) {
  const { data, response, request_id } = await promise.withResponse();
  show(step, { status: response.status, request_id, body: data });
  return data;
}

async function collect(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

const client = new OpenAI();
const { threads } = client.beta;

const thread = await showAnswer("create_thread", threads.create({ metadata: { project: "Grüße 😀" } }));
const here = { thread_id: thread.id };
const run = await showAnswer("create_run", threads.runs.create(thread.id, { assistant_id: ASSISTANT, metadata: USER }));
show("poll_run", { body: await threads.runs.poll(run.id, here, { pollIntervalMs: 5 }) });
await showAnswer("modify_run", threads.runs.update(run.id, { ...here, metadata: { ...USER, modified: "true" } }));
await showAnswer("get_run", threads.runs.retrieve(run.id, here));
try {
  await threads.runs.update(run.id, { ...here, metadata: TOO_MANY });
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  const { status, code, param, type } = error;
  show("refused_modify", { error: error.constructor.name, status, code, param, type, message: error.error.message });
}
const stream = await threads.runs.create(thread.id, { assistant_id: ASSISTANT, stream: true });
show("stream_run", { events: await collect(stream) });
show("list_runs", { body: await collect(threads.runs.list(thread.id, { limit: 1 })) });
