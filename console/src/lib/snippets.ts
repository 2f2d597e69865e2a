// Programs that somebody can paste and run with a key.
interface Snippet {
  name: string;
  text: string;
}

// In single quotes of a shell.
const shell = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;
// What a request has, texts, numbers, lists and objects, Python and JavaScript write as JSON does.
const literal = (value: unknown) => JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");

export function snippets(base: string, key: string, model: string, request?: object): Snippet[] {
  const body: Record<string, unknown> = { model, messages: [{ role: "user", content: "Hello" }], ...request };
  const members = Object.entries(body);
  return [
    {
      name: "curl",
      text: `curl ${base}/chat/completions \\
  -H "Authorization: Bearer ${key}" \\
  -H "Content-Type: application/json" \\
  -d ${shell(literal(body))}`,
    },
    {
      name: "Python",
      text: `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${key}")
answer = client.chat.completions.create(
${members.map(([name, value]) => `    ${name}=${literal(value)},`).join("\n")}
)
print(answer.choices[0].message.content)`,
    },
    {
      name: "Node",
      text: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}", apiKey: "${key}" });
const answer = await client.chat.completions.create({
${members.map(([name, value]) => `  ${name}: ${literal(value)},`).join("\n")}
});
console.log(answer.choices[0].message.content);`,
    },
  ];
}

// "http://gateway:8080/v1": what people type, as programs want it. Nothing: no address.
export function apiBase(typed: string): string | null {
  let url: URL;
  try {
    url = new URL(typed.trim());
  } catch {
    return null;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  const path = url.pathname.replace(/\/+$/, "");
  return url.origin + (path.endsWith("/v1") ? path : `${path}/v1`);
}

// Where programs send requests is not where this page is; what was typed last is remembered, the key never.
const STORED = "sm-api-base";
export const knownBase = () => localStorage.getItem(STORED) ?? `${location.protocol}//${location.hostname}:8080/v1`;
export function rememberBase(typed: string) {
  if (apiBase(typed)) localStorage.setItem(STORED, typed);
}
