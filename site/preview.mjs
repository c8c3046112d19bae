import { preview as vitePreview } from 'vite';

/** Serves what was built. */
export async function preview(outDir, base, port) {
  const server = await vitePreview({
    base,
    build: { outDir },
    preview: { port, host: '127.0.0.1' },
    logLevel: 'silent',
  });
  process.stdout.write(`${server.resolvedUrls?.local[0]}\n`);
}
