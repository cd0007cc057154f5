/** Plots as SVG, made on the server: without scripts and without styles of their own. */

/** One kind of value of every column; `look` names a class of the style sheet. */
export interface Series {
  readonly name: string;
  readonly look: 'good' | 'wait' | 'bad' | 'accent' | 'mild';
}

/** `values` are in the order of the series. */
export interface Column {
  readonly label: string;
  readonly values: readonly number[];
}

interface ColumnsProps {
  /** Of the element, for what describes it. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly series: readonly Series[];
  readonly columns: readonly Column[];
  /** How a number is written on the axis; as it is, when left out. */
  readonly format?: (value: number) => string;
  /** The distances that lines may have, from small to large; 1, 2 and 5 times powers of ten when left out. */
  readonly steps?: readonly number[];
}

const width = 960;
const height = 240;
const left = 76;
const right = 8;
const top = 10;
const bottom = 26;
const plotWidth = width - left - right;
const plotHeight = height - top - bottom;

/** Stacked columns, with a legend where there is more than one series. */
export function Columns({ id, title, description, series, columns, format = String, steps }: ColumnsProps) {
  const highest = Math.max(0, ...columns.map(({ values }) => values.reduce((sum, value) => sum + value, 0)));
  const ticks = ticksTo(highest, steps);
  const scale = plotHeight / (ticks.at(-1) || 1);
  const step = plotWidth / Math.max(1, columns.length);
  const labelEvery = Math.ceil(columns.length / 12);
  return (
    <figure class="look-chart">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-desc`}
      >
        <title id={`${id}-title`}>{title}</title>
        <desc id={`${id}-desc`}>{description}</desc>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={left} x2={width - right} y1={yOf(tick * scale)} y2={yOf(tick * scale)} />
            <text class="label" x={left - 6} y={yOf(tick * scale) + 4} text-anchor="end">
              {format(tick)}
            </text>
          </g>
        ))}
        {columns.map(({ label, values }, at) => (
          <g key={label}>
            {pieces(values, scale).map(({ index, y, size }) => (
              <rect
                key={index}
                class={`series ${series[index]?.look ?? 'mild'}`}
                x={round(left + at * step + step * 0.12)}
                width={round(step * 0.76)}
                y={y}
                height={size}
              >
                <title>{`${label}, ${series[index]?.name ?? ''}: ${format(values[index] ?? 0)}`}</title>
              </rect>
            ))}
            {at % labelEvery === 0 && (
              <text class="label" x={round(left + (at + 0.5) * step)} y={height - 8} text-anchor="middle">
                {label.slice(5)}
              </text>
            )}
          </g>
        ))}
      </svg>
      {series.length > 1 && <Legend series={series} />}
    </figure>
  );
}

function Legend({ series }: { readonly series: readonly Series[] }) {
  return (
    <figcaption>
      <ul class="look-legend">
        {series.map(({ name, look }) => (
          <li key={name}>
            <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
              <rect class={`series ${look}`} width="10" height="10" />
            </svg>
            {name}
          </li>
        ))}
      </ul>
    </figcaption>
  );
}

/** The parts of one column from the ground up; what is nothing has none. */
function pieces(values: readonly number[], scale: number) {
  let below = 0;
  return values.flatMap((value, index) => {
    if (value <= 0) return [];
    const y = yOf((below + value) * scale);
    const size = round(value * scale);
    below += value;
    return [{ index, y, size }];
  });
}

const rowHeight = 24;
const nameWidth = 220;
const countWidth = 60;

/** Bars that lie, the longest first, each with its name and number. */
export function Bars({
  id,
  title,
  description,
  look,
  rows,
}: {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly look: Series['look'];
  readonly rows: readonly (readonly [name: string, value: number])[];
}) {
  const longest = Math.max(1, ...rows.map(([, value]) => value));
  const room = width - nameWidth - countWidth;
  const all = Math.max(1, rows.length) * rowHeight;
  return (
    <figure class="look-chart">
      <svg
        viewBox={`0 0 ${width} ${all}`}
        role="img"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-desc`}
      >
        <title id={`${id}-title`}>{title}</title>
        <desc id={`${id}-desc`}>{description}</desc>
        {rows.map(([name, value], at) => (
          <g key={name}>
            <text class="label" x={nameWidth - 8} y={at * rowHeight + 16} text-anchor="end">
              {name.length > maxName ? `${name.slice(0, maxName - 1)}…` : name}
              <title>{name}</title>
            </text>
            <rect
              class={`series ${look}`}
              x={nameWidth}
              y={at * rowHeight + 4}
              width={round((value / longest) * room)}
              height={rowHeight - 8}
            />
            <text class="label" x={round(nameWidth + (value / longest) * room + 6)} y={at * rowHeight + 16}>
              {value}
            </text>
          </g>
        ))}
      </svg>
    </figure>
  );
}

const maxName = 30;

function yOf(value: number): number {
  return round(top + plotHeight - value);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Zero to the highest value or a little more, in at most five even steps. */
function ticksTo(highest: number, steps: readonly number[] | undefined): readonly number[] {
  if (highest <= 0) return [0];
  const rough = Math.max(1, highest / 4);
  const power = 10 ** Math.floor(Math.log10(rough));
  const allowed = steps ?? [1, 2, 5, 10].map((factor) => factor * power);
  const step = allowed.find((one) => one >= rough) ?? rough;
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, at) => at * step);
}
