import express, { type Router } from 'express';
import type { HeldPushes, NotifierStatus, NotifyAdmin } from '../../domain/approval.ts';
import type { LedgerCounts } from '../../domain/record.ts';
import { frameOf } from '../frame.ts';
import { Bars, Columns } from '../parts/charts.tsx';
import { Layout } from '../parts/layout.tsx';
import { peerText } from '../parts/peer-text.ts';
import { Empty, Time } from '../parts/pieces.tsx';
import { durationText } from '../parts/time-left.ts';
import { sendPage } from '../send-page.ts';
import { only, viewerOf } from '../viewer.ts';
import { type DayNumbers, lastDays, numbersOf, topNames, verdicts } from './day-numbers.ts';

const spans = [7, 30, 90] as const;
const mostNames = 10;

/** Seconds that are easily read: from one second to 64 days. */
const timeSteps: readonly number[] = [
  ...[1, 5, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 4, 6, 12].map((hours) => hours * 3_600),
  ...[1, 2, 4, 8, 16, 32, 64].map((days) => days * 86_400),
];

/** What the last days were like, as plots with their numbers. `clock` gives ms since 1970. */
export function overviewPages(
  ports: { readonly ledger: LedgerCounts; readonly held: HeldPushes; readonly notify: NotifyAdmin },
  clock: () => number = Date.now,
): Router {
  const router = express.Router();
  router.get('/overview', only('auditor'), async (request, response) => {
    const span = spans.find((one) => String(one) === request.query['days']) ?? 30;
    const days = lastDays(clock(), span);
    const counts = await ports.ledger.days(days[0] ?? '', days.at(-1) ?? '');
    const isAdmin = viewerOf(request).user.role === 'admin';
    const notifiers = isAdmin ? await ports.notify.status() : [];
    const { pending } = ports.held.counts();
    sendPage(
      response,
      <Layout title="Overview" at="overview" {...frameOf(ports, request)}>
        <Spans span={span} />
        <Failures notifiers={notifiers} />
        {counts.length === 0 ? (
          <Empty>
            <p>
              {`Nobody has pushed or fetched in the last ${span} days`}
              {pending > 0 && `; ${pending} held pushes wait`}. Clone a repository through Refgate, or look at{' '}
              <a href="/-/sessions">the sessions before that</a>.
            </p>
          </Empty>
        ) : (
          <Plots
            days={numbersOf(days, counts)}
            rules={topNames(counts, 'rules', mostNames)}
            findings={topNames(counts, 'findings', mostNames)}
            pending={pending}
          />
        )}
      </Layout>,
    );
  });
  return router;
}

function Spans({ span }: { readonly span: number }) {
  return (
    <nav class="look-menu" aria-label="Days">
      {spans.map((one) => (
        <a key={one} href={`/-/overview?days=${one}`} aria-current={one === span ? 'true' : undefined}>
          {`${one} days`}
        </a>
      ))}
    </nav>
  );
}

type Names = readonly (readonly [name: string, count: number])[];

function Plots({
  days,
  rules,
  findings,
  pending,
}: {
  readonly days: readonly DayNumbers[];
  readonly rules: Names;
  readonly findings: Names;
  readonly pending: number;
}) {
  const all = sumOf(days, ({ pushes }) => pushes.reduce((sum, one) => sum + one, 0));
  const refused = sumOf(days, ({ pushes }) => pushes[2] ?? 0);
  const decided = sumOf(days, (day) => day.decided);
  const waited = sumOf(days, (day) => (day.waited ?? 0) * day.decided);
  const mean = decided === 0 ? 'none were decided' : durationText(waited / decided);
  return (
    <>
      <ul class="look-tiles">
        <Tile number={pending} text="held pushes wait now" href="/-/pushes" />
        <Tile number={all} text="pushes" href="/-/sessions" />
        <Tile number={refused} text="of them refused" href="/-/sessions?outcome=refused" />
        <Tile number={sumOf(days, (day) => day.fetches)} text="fetches" />
        <Tile number={sumOf(days, (day) => day.findings)} text="new secrets found" />
      </ul>
      <h2>Pushes per day</h2>
      <Columns
        id="pushes"
        title="Pushes per day, by what became of them"
        description={`${all} pushes in ${days.length} days, of which ${refused} were refused. The table below has the numbers.`}
        series={verdicts}
        columns={days.map(({ day, pushes }) => ({ label: day, values: pushes }))}
      />
      <h2>Waiting time</h2>
      {decided === 0 ? (
        <p class="hint">Nobody decided a held push in these days.</p>
      ) : (
        <Columns
          id="waiting"
          title="Mean time that held pushes waited, by the day of the decision"
          description={`${decided} held pushes were decided; they waited ${mean} on average. The table below has the numbers.`}
          series={[{ name: 'mean wait', look: 'accent' }]}
          columns={days.map(({ day, waited: one }) => ({ label: day, values: [(one ?? 0) / 1000] }))}
          format={(seconds) => durationText(seconds * 1000)}
          steps={timeSteps}
        />
      )}
      <DayTable days={days} />
      <NameBars
        id="rules"
        heading="Rules that spoke most"
        what="refs denied or asked about"
        look="bad"
        names={rules}
      />
      <NameBars
        id="findings"
        heading="Secrets found"
        what="new secrets, by rule"
        look="wait"
        names={findings}
      />
    </>
  );
}

function sumOf(days: readonly DayNumbers[], value: (day: DayNumbers) => number): number {
  return days.reduce((sum, day) => sum + value(day), 0);
}

function Tile({
  number,
  text,
  href,
}: {
  readonly number: number;
  readonly text: string;
  readonly href?: string;
}) {
  const inner = (
    <>
      <strong>{number}</strong> {text}
    </>
  );
  return <li>{href === undefined ? <span>{inner}</span> : <a href={href}>{inner}</a>}</li>;
}

function DayTable({ days }: { readonly days: readonly DayNumbers[] }) {
  return (
    <details>
      <summary>The numbers of each day</summary>
      <div class="scroll look-days">
        <table>
          <caption class="unseen">Numbers of each day (UTC)</caption>
          <thead>
            <tr>
              <th scope="col">Day</th>
              {verdicts.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
              <th scope="col" class="number">
                fetches
              </th>
              <th scope="col" class="number">
                secrets
              </th>
              <th scope="col" class="number">
                decided
              </th>
              <th scope="col" class="number">
                mean wait
              </th>
            </tr>
          </thead>
          <tbody>
            {days.map(({ day, pushes, fetches, findings, decided, waited }) => (
              <tr key={day}>
                <th scope="row">{day}</th>
                {[...pushes, fetches, findings, decided].map((number, at) => (
                  <td key={at} class="number">
                    {number}
                  </td>
                ))}
                <td class="number">{waited === undefined ? '' : durationText(waited)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function NameBars({
  id,
  heading,
  what,
  look,
  names,
}: {
  readonly id: string;
  readonly heading: string;
  readonly what: string;
  readonly look: 'bad' | 'wait';
  readonly names: Names;
}) {
  const rows = names.map(([name, count]) => [peerText(name), count] as const);
  return (
    <>
      <h2>{heading}</h2>
      {rows.length === 0 ? (
        <p class="hint">None in these days.</p>
      ) : (
        <>
          <Bars
            id={id}
            title={`${heading}: ${what}`}
            description={`The most frequent is ${rows[0]?.[0]}, ${rows[0]?.[1]} times. The table below has the numbers.`}
            look={look}
            rows={rows}
          />
          <details>
            <summary>The numbers</summary>
            <table>
              <caption class="unseen">{`${heading}: ${what}`}</caption>
              <thead>
                <tr>
                  <th scope="col">Rule</th>
                  <th scope="col" class="number">
                    {what}
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map(([name, count]) => (
                  <tr key={name}>
                    <th scope="row">{name}</th>
                    <td class="number">{count}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        </>
      )}
    </>
  );
}

/** Notifiers that could not deliver, for who can mend them. */
function Failures({ notifiers }: { readonly notifiers: readonly NotifierStatus[] }) {
  const failing = notifiers.filter(({ dead, lastError }) => dead > 0 || lastError !== undefined);
  if (failing.length === 0) return null;
  return (
    <section class="message bad look-failures" aria-labelledby="failing-notifiers">
      <h2 id="failing-notifiers">Notices that did not arrive</h2>
      <ul>
        {failing.map(({ name, kind, where, waiting, dead, lastError }) => (
          <li key={name}>
            <strong>{peerText(name)}</strong>{' '}
            {`(${kind}, ${peerText(where)}): ${dead} given up, ${waiting} waiting`}
            {lastError !== undefined && (
              <>
                {'; last '}
                <Time at={lastError.time} age /> {peerText(lastError.text)}
              </>
            )}
          </li>
        ))}
      </ul>
      <p>
        Look at them with <code>refgate notify</code>, and send them again when the receiver is mended.
      </p>
    </section>
  );
}
