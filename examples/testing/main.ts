import { ordersThroughFaults } from './orders-through-faults.ts';

// Tests a small service against 20 networks, each of which fails in a way of its own.
for (let seed = 1; seed <= 20; seed++) {
  const { confirmed, left, links, virtualMs } = await ordersThroughFaults(seed);
  const seconds = Math.round(virtualMs / 1_000);
  process.stdout.write(`seed ${seed}: ${confirmed} orders, ${left} pieces left, ${links} links, ${seconds} s\n`);
  if (confirmed !== 100 || left !== 900) process.exitCode = 1;
}
