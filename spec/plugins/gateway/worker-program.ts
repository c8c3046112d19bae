import { Client } from 'busbar';
import { gateway } from 'busbar/gateway';

// A worker in a process of its own, which takes every request and answers none.
const client = new Client({ path: process.argv[2] ?? '' });
const web = client.use(gateway());
web.http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => process.send?.(web.http.getRequestURL(clientID)));
process.on('disconnect', () => process.exit());
await client.connect();
await web.http.addRoute('/*');
process.send?.('ready');
