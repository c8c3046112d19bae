import { channelsChunks } from '../channels/chunks.ts';
import { channelsRoom } from '../channels/room.ts';
import { rpcCalls } from '../channels/rpc.ts';
import { clusterBroadcast, clusterOneWay, clusterRequest } from '../cluster/nodes.ts';
import { dispatchDatagrams } from '../dispatch/datagrams.ts';
import { dispatchDevices } from '../dispatch/devices.ts';
import { dispatchStream } from '../dispatch/stream.ts';
import { gatewayBroadcast } from '../gateway/broadcast.ts';
import { gatewayHttp } from '../gateway/http.ts';
import { gatewayWebSocket } from '../gateway/websocket.ts';
import { interserveBeside } from '../interserve/beside.ts';
import { interserveFile } from '../interserve/file.ts';
import { interserveSmall } from '../interserve/small.ts';
import { journalAcknowledge } from '../journal/acknowledge.ts';
import { journalOneWay } from '../journal/one-way.ts';
import { journalRecover } from '../journal/recover.ts';
import { besideBulk } from './beside-bulk.ts';
import { binary } from './binary.ts';
import { broadcast } from './broadcast.ts';
import { busScenario } from './bus-scenario.ts';
import { coldOneWay, coldPipelined, coldSequential } from './cold.ts';
import { cpu } from './cpu.ts';
import { idle } from './idle.ts';
import { manyClients } from './many-clients.ts';
import { oneWay } from './one-way.ts';
import { openLoop } from './open-loop.ts';
import { payloadSizes } from './payload-sizes.ts';
import { pipelined } from './pipelined.ts';
import { resume } from './resume.ts';
import type { Scenario } from './scenario.ts';
import { sequential } from './sequential.ts';
import { startUp } from './start-up.ts';
import { survey } from './survey.ts';

const ofTheBus = [
  sequential,
  pipelined,
  oneWay,
  broadcast,
  survey,
  binary,
  payloadSizes,
  openLoop,
  manyClients,
  besideBulk,
  idle,
  resume,
  cpu,
  coldPipelined,
  coldSequential,
  coldOneWay,
  startUp,
];

/** All scenarios: those of the bus itself, then those of its plugins. */
export const scenarios: readonly Scenario[] = [
  ...ofTheBus.map(busScenario),
  channelsChunks,
  channelsRoom,
  rpcCalls,
  gatewayHttp,
  gatewayWebSocket,
  gatewayBroadcast,
  interserveFile,
  interserveBeside,
  interserveSmall,
  dispatchStream,
  dispatchDevices,
  dispatchDatagrams,
  clusterOneWay,
  clusterRequest,
  clusterBroadcast,
  journalOneWay,
  journalAcknowledge,
  journalRecover,
];

export function scenarioCalled(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`There is no scenario "${name}"`);
  return found;
}
