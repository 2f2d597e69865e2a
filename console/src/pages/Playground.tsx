import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type FormEvent } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { Link } from "react-router";
import { bodyOf, chat, modelsOf, type ChatEnd, type ChatRequest } from "../api/chat";
import { at } from "../api/client";
import { useT } from "../i18n";
import { count } from "../lib/format";
import { keyInHand, takeAlong } from "../lib/keyInHand";
import { apiBase, knownBase, snippets } from "../lib/snippets";
import { Choice, Field } from "../ui/forms";
import { Button, Copyable, ErrorBox, Facts, PageHead, Section } from "../ui/parts";

interface Answer {
  model: string;
  text: string;
  end: ChatEnd | null;
  error: unknown;
  stopped: boolean;
}

export default function Playground() {
  const t = useT();
  const [key, setKey] = useState(keyInHand);
  const [chosen, setChosen] = useState("");
  const [second, setSecond] = useState("");
  const [system, setSystem] = useState("");
  const [message, setMessage] = useState("");
  const [temperature, setTemperature] = useState("");
  const [tokens, setTokens] = useState("256");
  const [answers, setAnswers] = useState<Answer[]>([]);
  const [busy, setBusy] = useState(false);
  const stop = useRef<AbortController | null>(null);
  // A digest would do as a name, but nothing of a key goes where it need not.
  const [version, setVersion] = useState(0);
  const whole = /^sm-[0-9A-Za-z]+-[0-9A-Za-z]+-[0-9A-Za-z]{6}$/.test(key.trim());
  const models = useQuery({ queryKey: ["playground", version], queryFn: () => modelsOf(key.trim()), enabled: whole, retry: false });
  const names = models.data ?? [];
  const model = names.includes(chosen) ? chosen : (names[0] ?? "");

  const ask = (name: string): ChatRequest => ({
    model: name, system, message,
    temperature: temperature === "" ? null : Number(temperature),
    tokensMax: tokens === "" ? null : Number(tokens),
  });
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const control = new AbortController();
    stop.current = control;
    const asked = [model, second].filter((name) => name !== "");
    setAnswers(asked.map((name) => ({ model: name, text: "", end: null, error: null, stopped: false })));
    setBusy(true);
    const change = (at: number, next: (answer: Answer) => Answer) => setAnswers((all) => all.map((one, i) => (i === at ? next(one) : one)));
    await Promise.all(
      asked.map((name, i) =>
        chat(key.trim(), ask(name), (text) => change(i, (one) => ({ ...one, text: one.text + text })), control.signal).then(
          (end) => change(i, (one) => ({ ...one, end })),
          (error: unknown) => change(i, (one) => (control.signal.aborted ? { ...one, stopped: true } : { ...one, error })),
        ),
      ),
    );
    setBusy(false);
  };
  return (
    <>
      <PageHead title={t("play.title")} />
      <p className="muted">{t("play.text")}</p>
      <form className="card" onSubmit={(event) => void send(event)}>
        <Field label={t("play.key")} type="password" autoComplete="off" help={t("play.key.help")} value={key}
          onChange={(next) => {
            setKey(next);
            takeAlong(next.trim());
            setVersion(version + 1);
          }} />
        {models.error ? <ErrorBox error={models.error} /> : null}
        {names.length === 0 ? (
          <p className="muted">{t("play.no_models")}</p>
        ) : (
          <>
            <div className="form-row spaced">
              <Choice label={t("play.model")} value={model} onChange={setChosen} options={names.map((name) => [name, name])} />
              <Choice label={t("play.second")} value={second} onChange={setSecond} options={[["", t("play.second.none")], ...names.map((name): [string, string] => [name, name])]} />
              <Field label={t("play.temperature")} value={temperature} onChange={setTemperature} inputMode="decimal" pattern="[0-2](\.[0-9]+)?" optional />
              <Field label={t("play.tokens")} value={tokens} onChange={setTokens} inputMode="numeric" pattern="[0-9]+" optional />
            </div>
            <Field label={t("play.system")} value={system} onChange={setSystem} lines={2} optional />
            <Field label={t("play.message")} value={message} onChange={setMessage} lines={4} />
            <div className="actions">
              <Button type="submit" kind="main" isDisabled={busy}>{t("play.send")}</Button>
              {busy && <Button onPress={() => stop.current?.abort()}>{t("play.stop")}</Button>}
            </div>
          </>
        )}
      </form>
      <div className="grid">{answers.map((answer, i) => <OneAnswer key={i} answer={answer} />)}</div>
      {model && message && <Code request={bodyOf(ask(model))} model={model} />}
    </>
  );
}

const STREAMED_MS_MIN = 100; // what came in less says nothing of the speed

function OneAnswer({ answer }: { answer: Answer }) {
  const t = useT();
  const { end } = answer;
  const streamed = end && end.firstMs !== null ? end.totalMs - end.firstMs : 0;
  const speed = end?.output && streamed > STREAMED_MS_MIN ? (1_000 * end.output) / streamed : null;
  const ms = (value: number | null) => (value === null ? "–" : `${count(Math.round(value))} ms`);
  return (
    <Section title={t("play.answer", { model: answer.model })}>
      {answer.text === "" && !end && !answer.error && !answer.stopped && <p className="loading"><span className="spinner" aria-hidden="true" />{t("play.waiting")}</p>}
      <div className="answer" aria-live="polite" aria-busy={!end}>{answer.text}</div>
      {answer.stopped && <p className="note warn">{t("play.stopped")}</p>}
      {answer.error ? <ErrorBox error={answer.error} /> : null}
      {end && (
        <Facts
          facts={[
            [t("usage.input"), end.prompt === null ? "–" : count(end.prompt)],
            [t("usage.output"), end.output === null ? "–" : count(end.output)],
            [t("play.first"), ms(end.firstMs)],
            [t("play.total"), ms(end.totalMs)],
            [t("play.speed"), speed === null ? "–" : count(Math.round(speed))],
            [t("route.version"), end.version ?? "–"],
            [t("request.cost"), end.request ? <Link to={`/requests/${at(end.request)}`}>{t("app.details")}</Link> : "–"],
          ]}
        />
      )}
    </Section>
  );
}

function Code({ request, model }: { request: object; model: string }) {
  const t = useT();
  const programs = snippets(apiBase(knownBase()) ?? "http://…/v1", "YOUR_KEY", model, request);
  return (
    <Section title={t("play.code")}>
      <Tabs>
        <TabList aria-label={t("play.code")} className="tabs">
          {programs.map(({ name }) => <Tab key={name} id={name} className="tab">{name}</Tab>)}
        </TabList>
        {programs.map(({ name, text }) => <TabPanel key={name} id={name}><Copyable label={name} text={text} /></TabPanel>)}
      </Tabs>
    </Section>
  );
}
