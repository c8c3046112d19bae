export type { TelemetryOptions } from './options.ts';
export type { MetricsRegistry } from './metrics.ts';
export { telemetry } from './plugin.ts';
