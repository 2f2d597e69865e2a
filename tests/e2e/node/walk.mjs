// One walk with the official SDK; prints what it saw as one JSON line for test_node_sdk.py.
import OpenAI from "openai";

const { SM_BASE_URL: baseURL, SM_KEY: apiKey, SM_MODEL: model, SM_SLOW_MODEL: slowModel } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30000 });
const messages = [{ role: "user", content: "What is Sovereign Mesh?" }];
const question = { model, messages, temperature: 0, max_tokens: 48 };

async function errorOf(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code };
  }
}

const plain = await client.chat.completions.create(question);
let streamed = "";
for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
  streamed += chunk.choices[0].delta.content ?? "";
}
// Hung up on in the middle: the SDK sees its own abort, and the server says so to nobody.
const endless = await client.chat.completions.create({ model: slowModel, stream: true,
  messages: [{ role: "user", content: "[[sim:tokens=100000,rate=50]] go on" }] });
let pieces = 0;
for await (const chunk of endless) {
  if (chunk.choices[0].delta.content && ++pieces === 3) endless.controller.abort();
}
const models = [];
for await (const each of client.models.list()) models.push(each.id);
const { response } = await client.chat.completions.create(question).withResponse();
const stranger = new OpenAI({ baseURL, apiKey: "sm-wrong", maxRetries: 0 });

console.log(JSON.stringify({
  plain: plain.choices[0].message.content,
  streamed,
  models,
  pieces,
  embedding: (await client.embeddings.create({ model, input: "a gateway" })).data[0].embedding.length,
  requestId: response.headers.get("x-sm-request-id"),
  badKey: await errorOf(() => stranger.chat.completions.create(question)),
  unknown: await errorOf(() => client.chat.completions.create({ ...question, model: "none" })),
  invalid: await errorOf(() => client.chat.completions.create({ ...question, max_tokens: 0 })),
}));
