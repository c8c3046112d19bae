import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

/** Entries that are named as what they are for, and not as their folder. */
const names = { 'socket-io': 'socket.io' };

/** By the name of each entry of the package: its module in lib/. */
export const entries = Object.fromEntries(
  [
    ['index', 'index'],
    ...readdirSync(join(root, 'lib/plugins'))
      .sort()
      .map((name) => [names[name] ?? name, `plugins/${name}/index`]),
    ['joint', 'plugins/channels/joint/index'],
    ['browser', 'browser/index'],
    ['contract', 'struct/index'],
    ['testing', 'testing/index'],
  ].filter(([, module]) => existsSync(join(root, 'lib', `${module}.ts`))),
);

/** Those that web pages may import, with the module that is theirs there; pages get a build of their own. */
export const pageEntries = {
  browser: 'browser/index',
  channels: 'plugins/channels/page',
  rpc: 'plugins/rpc/page',
};

/** The program behind the command `busbar`. */
export const program = 'cli/main';

const sendMessage = `(id, done) => {
            if (confirm) {
                this.queues.current.sendConfirmed(lane, id, data, done);
            }
            else {
                this.queues.current.sendNow(lane, data);
                done();
            }
        }`;

const outsideFeed = `feed(bytes) {
        const tracer = this.#events.operations?.tracer;
        return tracer === undefined ? this.#feed(bytes) : tracer.outside(() => this.#feed(bytes));
    }`;

/**
 * What is always so in pages, by module: expressions of its compiled code, and what they come to there. The build fails
 * where one of them is not found.
 */
export const facts = {
  'base/errors': { 'sentenceOf(code)': 'code' },
  'base/options': { 'nearest(name, known)': 'undefined', 'isMisspelt(name, known, given)': false },
  'base/system-clock': {
    "typeof setImmediate === 'function' ? setImmediate : postMessageTo": 'postMessageTo',
    'timer.hold(false)': 'undefined',
    "typeof this.#handle === 'object'": false,
  },
  'bus/client/client': {
    '#watchers;': '',
    'this.#watchers = platform.watchers ?? new Watchers();': '',
    'watchers: this.#watchers': '...undefined',
    'errorOf: (_peer, error) => this.#report(error)': "errorOf: (_peer, error) => void this.fire('error', error)",
    "this.#conversation.traffic.failed(this, error, this.fire('error', error))": "this.fire('error', error)",
    'stats: () => this.ownStats()': '...undefined',
    'this.#conversation.contracts?.fallbacks ?? 0': 0,
  },
  'bus/requests/pending-requests': {
    'if (pending !== undefined && heardAt !== undefined)\n            this.#outlet.roundTrip?.(heardAt - pending.askedAt);':
      '',
    heardAt: '',
    'const later = this.#outlet.keepContext?.(send) ?? send;': '',
    later: 'send',
  },
  'bus/conversation': {
    'this.traffic.stalled()': 'undefined',
  },
  'bus/client/client-dialer': {
    'if (error instanceof RefusedError)\n            this.#events.refused(error);': '',
    'const { prover } = this.#target;': '',
    'prove: prover?.(port.link)': '...undefined',
    'handshake === undefined || handshake === false': true,
    "this.#firstWaitMs(errand === 'again')": 'retryDelayMs(1, maxRetryTime, random)',
  },
  'bus/client/client-conversation': {
    'this.traffic.cameBack(messages.length)': 'undefined',
    'refused: (error) => this.traffic.refused(error.code)': '...undefined',
    'this.traffic.opened(outcome)': 'undefined',
    'this.session?.reliable === false': false,
    'this.current.watch()': 'undefined',
    'clock.now() + closeTimeoutMs': 0,
    'Math.max(0, endsAt - clock.now())': 'closeTimeoutMs',
    "this.#comeBack('again')": 'this.#comeBack()',
    'compressLink(port, this.#platform)': 'undefined',
    'super(handle, options, events, lifecycle, platform.processes?.(options.clock), platform.contracts?.(options))':
      'super(handle, options, events, lifecycle)',
    'clientHello(options, this.#credentials?.payload, link, own, this.current.processes, this.contracts, this.operations)':
      'clientHello(options, this.#credentials?.payload, link, own)',
  },
  'bus/requests/incoming': {
    'begunAt;': '',
    'begunAt = 0': '',
    'this.begunAt = begunAt;': '',
    'answerer.running += 1': 'undefined',
    'answerer.running -= 1': 'undefined',
    'settled;': '',
    'this.settled?.(undefined, data)': 'undefined',
    'this.settled?.({ error })': 'undefined',
    'this.settled?.({ error: reason })': 'undefined',
  },
  'bus/requests/incoming-requests': {
    'this.#lately()': 'this.#options.clock.now()',
    'this.#owner.session?.readingSince': 'undefined',
    'new IncomingRequest(this, lane, id, expiresAt, begunAt)': 'new IncomingRequest(this, lane, id, expiresAt)',
    follower: '',
    'this.#took(request)': 'undefined',
    'this.running += 1': 'undefined',
    'this.running -= 1': 'undefined',
    'Math.max(this.open, this.running)': 'this.open',
    "follower?.({ error: new BusError('ERR_TIMEOUT', 'The time of the request has passed') })": 'undefined',
    'if (follower)\n            request.settled = follower;': '',
  },
  'bus/requests/pending-table': {
    'this.#timer?.hold?.(true)': 'undefined',
    'this.#timer?.hold?.(false)': 'undefined',
  },
  'bus/plugins': {
    'base.watchers.lanes.add(name)': 'undefined',
    // Lanes in pages have no sends that are given up.
    'until ? peer.sendUntil(name, data, { until: askOptions(until) }) : peer.send(name, data)': 'peer.send(name, data)',
    'stops: new Set()': '...undefined',
    'stats: base.stats': '...undefined',
    'show: (data) => base.watchers.redaction.show(data)': '...undefined',
    'watch: (watcher) => this.#watch(hooks, watcher)': '...undefined',
    'trace: (tracer) => void hooks.stops.add(traceBy(base.watchers.operations, tracer))': '...undefined',
    'base.watchers.operations?.lore.set(name, handlers)': 'undefined',
    'for (const stop of installed.hooks.stops)\n                stop();': '',
    "side === 'client' ? conversation.send(name, data) : conversation.sendEncoded(name, message)":
      'conversation.send(name, data)',
  },
  'bus/dialects': {
    'features.includes(Feature.records)': false,
    'offer === undefined': false,
    'compression !== undefined': false,
    'const { contracts } = conversation;': '',
    'const { features, maxFrameBytes, maxDepth } = offer;': 'const { features } = offer;',
    'nativeDialectOf(offer, options, contracts, conversation.operations)': 'nativeDialectOf(offer, options)',
    'const traces = features.includes(Feature.trace);': '',
    'const tracing = traces ? operations : features.includes(Feature.passes) ? operations?.lent : undefined;': '',
    'const agreed = contracts?.agree(offer.contracts);': '',
    'const shared = records && features.includes(Feature.shared) && (broadcasts ?? true);': '',
    'const most = { peerMaxBytes: maxFrameBytes, peerMaxDepth: maxDepth };': '',
    'nativeDialect({ records, withdraws, handles, ...most, contracts: agreed, shared, tracing, traces }, options)':
      'nativeDialect({ ...offer, records, withdraws, handles }, options)',
  },
  'bus/exchange': {
    'traffic;': '',
    'this.traffic = new Traffic(handle, events.watchers, options.clock.now());': '',
    'contracts;': '',
    'this.contracts = contracts && new PeerContracts(contracts);': '',
    'operations;': '',
    'this.operations = events.watchers.operations;': '',
    'new SendQueues(options.slowConsumer, this.operations)': 'new SendQueues(options.slowConsumer)',
    'this.operations?.followsSends === true': false,
    'this.operations?.followsSends === true && this.maySend(lane)': false,
    'this.operations?.followsRequests !== true': true,
    'const { operations } = this;': '',
    frame: '{ data, id, size }',
    asked: '{ id, data, timeoutMs }',
    follower: '',
    'const { data, id, size } = frame;': '',
    'const { id, data, timeoutMs } = asked;': '',
    [`const sendMessage = ${sendMessage};`]: '',
    sendMessage,
    'this.operations?.followsSends !== true': true,
    'const sendRequest = (id, timeoutMs) => this.queues.current.request(lane, id, data, timeoutMs);': '',
    sendRequest: '(id, timeoutMs) => this.queues.current.request(lane, id, data, timeoutMs)',
    'const isFollowed = frame.trace !== undefined || operations?.followsMessages === true;': '',
    'isFollowed && follower === undefined && operations !== undefined': false,
    'const isFollowed = asked.trace !== undefined || operations?.followsHandlers === true;': '',
    'const tracer = this.operations?.tracer;': '',
    'tracer === undefined': true,
    'followedHandling(follower)': 'undefined',
    'this.incoming.handling(id, lane, follower)': 'this.incoming.handling(id, lane)',
    'this.incoming.begin(id, lane, timeoutMs, heardAt, follower)': 'this.incoming.begin(id, lane, timeoutMs, heardAt)',
  },
  'bus/options': {
    "custom({ type: 'structs', default: undefined, accepts: areContracts })": 'addressOptions.options',
  },
  'bus/own-hello': {
    "link.kind === 'unix'": false,
    'options.trusted ?? link.trusted': false,
    'processMember(link, processes)': '{}',
    '...depthMember(maxDepth)': 'maxDepth',
    'contractsMember(contracts)': '{}',
    'if (followed !== undefined)\n        features.push(Feature.passes);': '',
    'if (followed?.own !== undefined)\n        features.push(Feature.trace);': '',
    followed: '',
  },
  'plugins/channels/client/offline-rooms': { 'denialSentence[denial]': 'undefined' },
  'plugins/channels/relay/relay': { 'skipped.size > 0': false, 'skipped.has(seat.token)': false },
  'plugins/rpc/bus-hub': { 'stats: () => api.hub.counts()': '...undefined' },
  'plugins/rpc/imports': { 'Readable.from(reader)': 'reader', 'readable instanceof Readable': false },
  'plugins/rpc/references': { 'value instanceof Readable': false },
  'session/dialect': {
    'const { shared } = agreed;': '',
    'contracts: agreed.contracts': '...undefined',
    'const { peerMaxDepth = usualDepth } = agreed;': '',
    'agreed.peerMaxBytes': 'agreed.maxFrameBytes',
    'Math.min(limits.maxDepth, peerMaxDepth)': 'agreed.maxDepth ?? limits.maxDepth',
    'sharesFrames: peerMaxDepth >= limits.maxDepth': '...undefined',
    "shared: typeof shared === 'object' ? shared : undefined": '...undefined',
    'shared: shared === true': '...undefined',
    'tracing: agreed.tracing': '...undefined',
    'traces: agreed.tracing !== undefined': '...undefined',
    'traces: agreed.traces === true': '...undefined',
  },
  'session/delivery': { 'this.#holdsEnd': false },
  'session/flushes': { 'this.#reliable': true },
  'session/link-port': {
    'this.link.cork?.()': 'undefined',
    'this.link.uncork?.()': 'undefined',
    'this.#blockReader === undefined': true,
    'this.#blockWriter === undefined': true,
  },
  'session/reading-session': {
    'decoder.skipsPings !== undefined': false,
    'this.reliable': true,
    'traces;': '',
    'const { encoder, decoder, slab, reliable, handles, traces } = dialect;':
      'const { encoder, decoder, slab, reliable, handles } = dialect;',
    'this.traces = traces;': '',
    '!this.#delivery.isPaused || this.reliable': true,
  },
  'session/receiver': {
    '#traffic;': '',
    'this.#traffic = events.traffic;': '',
    [outsideFeed]: '',
    '#feed': 'feed',
    'this.#traffic?.received(frame.type, lane, frame, frame.size)': 'undefined',
    "this.#traffic?.received('response', lane, frame, frame.size)": 'undefined',
    "this.#traffic?.received('failure', this.#nameOf(frame.lane), frame, frame.size)": 'this.#nameOf(frame.lane)',
    "this.#traffic?.received('cancel', this.#nameOf(frame.lane), frame, frame.size)": 'undefined',
    "const lane = frame.lane === 0 ? '' : this.#nameOf(frame.lane);": '',
    'this.#delivery.take(frame, lane, this.#liveness.heardAt, this.received)':
      'this.#delivery.take(frame, this.#nameOf(frame.lane), this.#liveness.heardAt, this.received)',
    'this.#events.requests.answered(frame.id, frame.data, lane, this.#liveness.heardAt)':
      'this.#events.requests.answered(frame.id, frame.data, this.#nameOf(frame.lane))',
    "this.#events.requests.answered(frame.id, frame.data, '', this.#liveness.heardAt)":
      "this.#events.requests.answered(frame.id, frame.data, '')",
    'this.#reliable': true,
  },
  'session/sender': {
    'const size = bytes || this.#encoder.queue?.lastBytes || 0;': '',
    'return size;': '',
    'return this.#sent(this.#encoder.message(number, data, confirm, id), number, entry);':
      'this.#sent(this.#encoder.message(number, data, confirm, id), number, entry);',
    'return this.#sent(this.#encoder.request(number, id, data, timeoutMs), number);':
      'this.#sent(this.#encoder.request(number, id, data, timeoutMs), number);',
    'return this.#sent(this.#encoder.response(number, id, data), number);':
      'this.#sent(this.#encoder.response(number, id, data), number);',
    'return this.#sent(this.#encoder.failure(number, id, error), number);':
      'this.#sent(this.#encoder.failure(number, id, error), number);',
    'return this.#sent(this.#encoder.cancel(number, id), number);':
      'this.#sent(this.#encoder.cancel(number, id), number);',
    'reliable ? Math.min(linkBytes, maxBytes / 2) : Number.POSITIVE_INFINITY': 'Math.min(linkBytes, maxBytes / 2)',
    'this.#reliable': true,
    'this.#isEncoding()': false,
    'queue === undefined': false,
    'queue !== undefined': true,
    'outlet.cork?.()': 'undefined',
    'outlet.uncork?.()': 'undefined',
  },
  'session/session': {
    '#traffic;': '',
    'this.#traffic = events.traffic;': '',
    '#operations;': '',
    'this.#operations = operations;': '',
    operations: '',
    'const later = this.#operations?.tracer?.bind(send) ?? send;': '',
    later: 'send',
    "this.#traffic?.sent('message', lane, id, data, bytes)": 'undefined',
    "this.#traffic?.sent('request', lane, id, data, bytes)": 'undefined',
    "this.#traffic?.sent('response', lane, id, data, bytes)": 'undefined',
    "this.#traffic?.sent('failure', lane, id, error, bytes)": 'undefined',
    "this.#traffic?.sent('cancel', lane, id, undefined, bytes)": 'undefined',
    'const bytes = this.out.message(lane, data, confirm, entry ?? (isKept ? { data, lane: 0 } : undefined), id);':
      'this.out.message(lane, data, confirm, entry ?? (isKept ? { data, lane: 0 } : undefined), id);',
    'const bytes = this.out.request(lane, id, data, timeoutMs);': 'this.out.request(lane, id, data, timeoutMs);',
    'const bytes = this.out.response(lane, id, data);': 'this.out.response(lane, id, data);',
    'const bytes = this.out.failure(lane, id, error);': 'this.out.failure(lane, id, error);',
    'const bytes = this.out.cancel(lane, id);': 'this.out.cancel(lane, id);',
    'this.reliable': true,
  },
  'session/time-slice': {
    '!this.#inTurn': true,
    'this.#inTurn = true': 'undefined',
    'this.#clock.defer(this.#turnOver)': 'undefined',
  },
  'session/write-queue': { 'corked === undefined && unwritten.length > 0': false, 'corked?.uncork?.()': 'undefined' },
  'transport/memory-pipe': {
    'this.#blackHole': false,
    'this.#bytes <= highWaterBytes': true,
    'this.#dropped': false,
    'this.#faults.blackHoleAtByte === 0': false,
    'this.#held': false,
    'this.#waiting': false,
    'this.#faults.sliceBytes === undefined': true,
    'this.#slice(bytes)': '[bytes]',
    'segment.bytes === undefined': false,
    'this.#deliver(segment.bytes, segment.due)':
      '(this.#queue.shift(), (this.#bytes -= segment.bytes.length), this.#events.data(segment.bytes))',
  },
};

/** By module: methods and getters that nobody calls in pages, which the build leaves out; it fails where one is called. */
export const unused = {
  'browser/encoder': ['encoded'],
  'bus/client/client': ['ownStats', 'get ownConversation'],
  'bus/client/client-dialer': ['firstWaitMs'],
  'bus/client/client-conversation': ['processDied'],
  'bus/conversation': ['watch', 'whenHeard'],
  'bus/exchange': ['keepContext', 'roundTrip', 'sendEncoded', 'whenRoom', 'get loops'],
  'bus/inbox': ['get hasLoop'],
  'bus/requests/pending-requests': ['get asksMade'],
  'bus/requests/pending-table': ['get asksMade'],
  'bus/plugins': ['stats', 'http'],
  'plugins/rpc/hub': ['counts'],
  'plugins/channels/relay/relay': ['countUsers', 'closeRooms', 'listed', 'removeMember'],
  'session/link-port': ['compress', 'own'],
  'session/sender': ['encoded'],
  'session/session': ['get uncut', 'sendEncoded', 'sendEncodedNow', 'whenRoom', 'get ackedByPeer'],
  'session/reading-session': ['get readingSince', 'get attached', 'get hasUnheard'],
  'transport/memory-pipe': ['blackHole', 'discard', 'finishWriting'],
};

/** Members of classes of the core, which nobody else has or sees: they get short names in pages, as private ones do. */
export const inner = [
  'lifecycle',
  'conversationWith',
  'pauseToClose',
  'onLinkLost',
  'sessionStuck',
  'finishAndEnd',
  'endMessages',
  'linkBroke',
  'dropSlow',
  'sendConfirmed',
  'messageFrom',
  'requestFrom',
  'sessionOver',
  'sessionBegun',
  'isListening',
  'onSilence',
  'onStall',
  'onGoingAway',
  'pendingBytesOf',
  'skipsPings',
  'unacknowledged',
  'peerPaused',
  'isStuckOn',
  'canReplay',
  'finishSession',
  'flushSent',
  'whenFlushed',
  'endNow',
  'howFarAhead',
  'takeAck',
  'ackIsDue',
  'ackIsUrgent',
  'forgetAcks',
  'untaken',
  'linkChanged',
  'linkSeen',
  'isAwaited',
  'isPaused',
  'hasRoom',
  'isShut',
  'maySend',
  'progressed',
  'sendNow',
  'unheard',
  'untold',
  'isIdle',
  'errorOf',
  'answerFailure',
  'cancelAll',
  'countOf',
  'downAt',
  'goesOn',
  'mayRetry',
  'onPause',
  'onResume',
  'retryAll',
  'runClose',
  'runReady',
  'runStart',
  'sendUntil',
  'sessionLost',
  'unbind',
  'firstWaitMs',
  'whenIdle',
  'whenSlow',
  'withinTime',
  'askedAt',
  'attemptNumber',
  'shouldRetry',
  'minTimeout',
  'heardAt',
  'abandon',
  'isOpen',
  'withdraws',
  'replay',
  'queues',
  'queued',
  'flushes',
  'incoming',
  'acknowledge',
  'lastWords',
  'heldBytes',
  'replaceFirst',
  'writeChunk',
  'bytesOf',
  'listenerComes',
  'onMessage',
  'onRequest',
  'running',
  'isWritten',
];

/** By module: objects of constants, whose values stand in pages where they are named. */
export const constants = {
  'bus/own-hello': ['Feature'],
  'plugins/channels/channel-frame': ['payloadKind'],
  'plugins/channels/reason': ['Reason'],
  'wire/native/header': ['Encoding', 'Extension', 'Flag', 'FrameType'],
  'wire/net-ipc/packet': ['packetType'],
};
