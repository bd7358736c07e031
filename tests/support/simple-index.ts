// A package index on this machine for tests: simple pages in JSON or HTML, files, provenance documents. Counts what it was asked for.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OfferedFile {
  readonly name: string;
  readonly content: Buffer;
  /** As the page says it; default the content's own. */
  readonly sha256: string;
  readonly yanked?: string | boolean;
  /** A PEP 740 document. */
  readonly provenance?: Buffer;
}

export interface SimpleIndex {
  /** For PIP_INDEX_URL. */
  readonly url: string;
  /** The paths that were asked for, in order. */
  readonly asked: string[];
  offer(packageName: string, file: OfferedFile): void;
  close(): Promise<void>;
}

export async function startSimpleIndex(form: 'json' | 'html' = 'json'): Promise<SimpleIndex> {
  const packages = new Map<string, OfferedFile[]>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    asked.push(path);
    const [, kind, name] = path.split('/');
    const files = Array.from(packages.values()).flat();
    const file = files.find((one) => one.name === name);
    const page = kind === 'simple' ? packages.get(name) : undefined;
    if (page !== undefined) {
      response.setHeader('content-type', form === 'json' ? 'application/vnd.pypi.simple.v1+json' : 'text/html');
      response.end(form === 'json' ? jsonPage(name, page) : htmlPage(page));
    } else if (kind === 'files' && file !== undefined) response.end(file.content);
    else if (kind === 'provenance' && file?.provenance !== undefined) response.end(file.provenance);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`,
    asked,
    offer(packageName, file) {
      packages.set(packageName, [...(packages.get(packageName) ?? []), file]);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function jsonPage(name: string, files: readonly OfferedFile[]): string {
  const entries = files.map((file) => ({
    filename: file.name,
    url: `/files/${file.name}`,
    hashes: { sha256: file.sha256 },
    size: file.content.length,
    'upload-time': '2026-01-02T03:04:05.678901Z',
    yanked: file.yanked ?? false,
    provenance: file.provenance === undefined ? null : `/provenance/${file.name}`,
  }));
  return JSON.stringify({ meta: { 'api-version': '1.1' }, name, files: entries });
}

function htmlPage(files: readonly OfferedFile[]): string {
  const anchors = files.map(({ name, sha256, yanked, provenance }) => {
    const withdrawn = yanked === undefined || yanked === false ? '' : ` data-yanked="${yanked === true ? '' : yanked}"`;
    const attested = provenance === undefined ? '' : ` data-provenance="/provenance/${name}"`;
    return `<a href="/files/${name}#sha256=${sha256}"${withdrawn}${attested}>${name}</a><br/>`;
  });
  return `<!DOCTYPE html><html><body>${anchors.join('\n')}</body></html>`;
}
