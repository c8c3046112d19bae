import { Server, shutdownOn } from 'busbar';
import { services } from 'busbar/services';

// The hub: who is here, and which process owns which room.
const server = new Server({ path: 'game.sock' });
server.on('error', (error) => console.error('hub:', error.code, error.message));
const hub = server.use(services());
hub.on('join', ({ name }) => console.log(`hub: ${name} is here`));
hub.on('leave', ({ name }) => console.log(`hub: ${name} left`));
await server.start();
shutdownOn(['SIGINT', 'SIGTERM'], server);
