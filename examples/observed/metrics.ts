import { createServer, type Server as HttpServer } from 'node:http';
import type { Server } from 'busbar';

/** What a server counts, as Prometheus text. No series is of one client: ten thousand make no more than ten. */
export function metricsOf(server: Server): string {
  const { lanes, requests, resumes, unacknowledged, lateResponses, undelivered, slow, refused, handlerMs } =
    server.stats();
  const lines: string[] = [];
  const add = (
    name: string,
    type: 'counter' | 'gauge',
    values: readonly (readonly [labels: string, value: number])[],
  ): void => {
    lines.push(`# TYPE busbar_${name} ${type}`, ...values.map(([labels, value]) => `busbar_${name}${labels} ${value}`));
  };
  const byLane = Object.entries(lanes);
  const label = (name: string, value: string): string => `{${name}=${JSON.stringify(value)}}`;
  add(
    'messages_sent_total',
    'counter',
    byLane.map(([lane, { messages }]) => [label('lane', lane), messages.sent]),
  );
  add(
    'messages_received_total',
    'counter',
    byLane.map(([lane, { messages }]) => [label('lane', lane), messages.received]),
  );
  add('requests_received_total', 'counter', [['', requests.received]]);
  add('handler_duration_seconds_sum', 'counter', [['', handlerMs.sum / 1_000]]);
  add('handler_duration_seconds_count', 'counter', [['', handlerMs.count]]);
  add('connections', 'gauge', [['', server.connections.length]]);
  add('unacked_bytes', 'gauge', [['', unacknowledged.bytes]]);
  add(
    'resumes_total',
    'counter',
    Object.entries(resumes).map(([outcome, count]) => [label('outcome', outcome), count]),
  );
  add(
    'refused_total',
    'counter',
    Object.entries(refused).map(([code, count]) => [label('code', code), count]),
  );
  add('late_answers_total', 'counter', [['', lateResponses]]);
  add('undelivered_total', 'counter', [['', undelivered]]);
  add('slow_total', 'counter', [['', slow]]);
  return `${lines.join('\n')}\n`;
}

/** Serves them on loopback; resolves with the server, which listens. */
export function serveMetrics(server: Server, port: number): Promise<HttpServer> {
  const http = createServer((request, response) => {
    const isThere = request.url === '/metrics';
    response.writeHead(isThere ? 200 : 404, { 'Content-Type': 'text/plain; version=0.0.4' });
    response.end(isThere ? metricsOf(server) : '');
  });
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', () => resolve(http));
  });
}
