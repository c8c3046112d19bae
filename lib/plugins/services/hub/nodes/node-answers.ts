import type { Clock } from '../../../../base/clock.ts';
import { BusError } from '../../../../base/errors.ts';
import type { LaneRequestContext } from '../../../../bus/plugin.ts';
import { OneWayContext } from '../../../rpc/internal.ts';
import { unbegun } from '../../protocol.ts';
import { Call, type Caller } from '../call.ts';
import type { HubSurveys } from '../hub-survey.ts';
import type { Presence, Watcher } from '../presence.ts';
import type { ServiceTable } from '../service-table.ts';
import type { Asking, NodeCall } from './node-protocol.ts';
import type { OtherHub } from './other-hub.ts';

/** What the hub here has for the hubs of other nodes. */
export interface ServiceNodesHost {
  readonly clock: Clock;
  readonly presence: Presence;
  readonly services: ServiceTable;
  readonly surveys: HubSurveys;
  /** Tells those here of members of other nodes. */
  readonly tell: Watcher;
  callerGone(caller: Caller): void;
  report(error: unknown): void;
}

/** This node, as others ask it. */
export interface AnsweringNode {
  readonly own: string;
  readonly host: ServiceNodesHost;
  /** @throws BusError `ERR_NO_MEMBER`. */
  hub(node: string): OtherHub;
  /** Tells a node what there is here. */
  introduce(node: string): void;
}

/** What this node answers the hub of another one. */
export function answerTo(nodes: AnsweringNode, asking: Asking, from: string, context: LaneRequestContext): unknown {
  const { services, surveys } = nodes.host;
  switch (asking[0]) {
    case 'hub':
      return nodes.introduce(from);
    case 'call': {
      const call = callOf(nodes, asking, from, context);
      const answer = call.answer();
      services.route(call);
      return answer.then((value) => [services.load(call.service), value]);
    }
    case 'note':
      return services.route(callOf(nodes, asking, from, context));
    case 'claim': {
      const [, service, key, epoch] = asking;
      const isHere = services.space(service)?.claimed(key, nodes.hub(from).participant, epoch) ?? false;
      services.epochs.heard(epoch);
      return [services.epochs.mark, isHere];
    }
    case 'give':
      services.epochs.heard(asking[3]);
      return (services.space(asking[1]) ?? noOwners(asking[1])).inherit(asking[2], asking[4]);
    case 'fetch':
      return services.keys(asking[1]).give(asking[2], nodes.hub(from).participant);
    case 'survey': {
      const [, service, method, timeout, callerId, args] = asking;
      const ask = { timeoutMs: timeout ?? undefined, signal: context.signal, idempotent: false };
      return surveys.rows({ caller: callerOf(nodes, callerId, from), service, method, args, ask, isOwn: true });
    }
  }
}

function callOf(nodes: AnsweringNode, asking: NodeCall, from: string, context: LaneRequestContext): Call {
  const [kind, service, key, idempotent, method, callerId, hops, args] = asking;
  const request = kind === 'call' ? context : new OneWayContext(context.peer);
  const caller = callerOf(nodes, callerId, from);
  return new Call({
    caller,
    service,
    key: key ?? undefined,
    method,
    args,
    idempotent,
    request,
    hops: Math.max(1, hops),
  });
}

/** A member of the node that asks, or of the one that it had the call from. */
function callerOf(nodes: AnsweringNode, id: string, from: string): Caller {
  const slash = id.indexOf('/');
  if (slash < 0) return nodes.hub(from).caller(id);
  const [node, member] = [id.slice(0, slash), id.slice(slash + 1)];
  if (node !== nodes.own) return nodes.hub(node).caller(member);
  const own = nodes.host.presence.byId(member);
  if (own === undefined) throw new BusError('ERR_CLOSED', 'The caller is gone');
  return own;
}

function noOwners(service: string): never {
  throw new BusError(unbegun, `Nobody here owns keys of "${service}"`);
}
