/** A number that only grows. */
export interface Counter {
  value: number;
}

interface Family {
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  readonly samples: Map<string, Counter>;
}

/** Counts of one dispatcher, written out as Prometheus text. Holders keep the counter, so counting costs an addition. */
export class Meters {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string, labels: Readonly<Record<string, string>> = {}): Counter {
    return this.#sample(name, help, 'counter', labels);
  }

  gauge(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    this.#sample(name, help, 'gauge', labels).value = value;
  }

  /** Text exposition format 0.0.4. */
  toString(): string {
    const lines: string[] = [];
    for (const [name, { help, kind, samples }] of this.#families) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`);
      for (const [labels, sample] of samples) lines.push(`${name}${labels} ${sample.value}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #sample(name: string, help: string, kind: Family['kind'], labels: Readonly<Record<string, string>>): Counter {
    let family = this.#families.get(name);
    if (family === undefined) this.#families.set(name, (family = { help, kind, samples: new Map() }));
    const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
    const key = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
    let sample = family.samples.get(key);
    if (sample === undefined) family.samples.set(key, (sample = { value: 0 }));
    return sample;
  }
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
