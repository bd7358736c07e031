// Both forms of an index page, honest and hostile.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSimpleHtml } from './simple-html.ts';
import { readSimpleJson } from './simple-json.ts';
import { distributionOf, normalName } from './simple-names.ts';

const base = new URL('https://index.example/simple/tensorflow-cpu/');
const digest = 'ab'.repeat(32);
const wheel = 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl';

const html = (text: string) => readSimpleHtml(Buffer.from(text), base);
const json = (page: unknown) => readSimpleJson(Buffer.from(JSON.stringify(page)), base);
const page = (...files: unknown[]) => ({ meta: { 'api-version': '1.1' }, name: 'tensorflow-cpu', files });

describe('a page in HTML', () => {
  it('gives names, addresses, digests, and what was withdrawn and why', () => {
    const files = html(`<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1"></head><body>
      <!-- <a href="hidden-1.0.tar.gz#sha256=${digest}">x</a> -->
      <a href="../../f/${wheel}#sha256=${digest}" data-requires-python="&gt;=3.8" data-provenance="/p/1">${wheel}</a><br/>
      <A HREF='${wheel}#sha256=${digest}' data-yanked="broken &amp; bad">x</A>
      <a data-yanked href=${wheel}#sha256=${digest}>x</a></body>`);
    expect(files).toEqual([
      { name: wheel, url: `https://index.example/f/${wheel}`, sha256: digest, provenance: 'https://index.example/p/1' },
      { name: wheel, url: `${base.href}${wheel}`, sha256: digest, yanked: 'broken & bad' },
      { name: wheel, url: `${base.href}${wheel}`, sha256: digest, yanked: true },
    ]);
  });

  it('resolves against <base>', () => {
    const [file] = html(`<base href="https://files.example/x/"><a href="${wheel}#sha256=${digest}">x</a>`);
    expect(file.url).toBe(`https://files.example/x/${wheel}`);
  });

  it.each([
    ['no digest', `<a href="${wheel}">x</a>`],
    ['another digest', `<a href="${wheel}#md5=${'ab'.repeat(16)}">x</a>`],
    ['a digest that is too short', `<a href="${wheel}#sha256=abcd">x</a>`],
    ['http', `<a href="http://files.example/${wheel}#sha256=${digest}">x</a>`],
    ['a script', `<a href="javascript:${wheel}#sha256=${digest}">x</a>`],
    ['a password', `<a href="https://a:b@files.example/${wheel}#sha256=${digest}">x</a>`],
    ['a name with a path in it', `<a href="..%2F${wheel}#sha256=${digest}">x</a>`],
    ['a name with an escape', `<a href="%1b[2J.whl#sha256=${digest}">x</a>`],
    ['a comment that does not end', `<!-- <a href="${wheel}#sha256=${digest}">x</a>`],
    ['no anchor', `<area href="${wheel}#sha256=${digest}">`],
  ])('leaves out an entry with %s', (_title, text) => {
    expect(html(text)).toEqual([]);
  });

  it('refuses another version of the interface, and pages that never end', () => {
    const meta = '<meta name="pypi:repository-version" content="2.0">';
    expect(() => html(meta)).toThrow(expect.objectContaining({ code: 'FEED_UNAVAILABLE' }));
    expect(() => html('<p>'.repeat(200_001))).toThrow('200000 tags');
    expect(() => html(`<a href="${wheel}#sha256=${digest}">`.repeat(50_001))).toThrow('50000 files');
  });

  it('takes linear time for what a backtracking reader would choke on', () => {
    const started = performance.now();
    for (const piece of ['<', '<a ', '<a href="', '<a href=', '<!--', '&#', '<a x="&']) html(piece.repeat(150_000));
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('gives only files that can be named, asked and checked, whatever the page', () => {
    const part = fc.oneof(
      fc.constantFrom('<a ', 'href=', '"', "'", '>', '<!--', '-->', ' ', '#sha256=', digest, wheel, 'data-yanked', '&amp;', '/'),
      fc.constantFrom('https://x.example/', 'http://y.example/', 'data-provenance=', '<base href=', '\u0000', '%2f', '..'),
      fc.string({ maxLength: 6 }),
    );
    const property = fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      for (const file of html(parts.join(''))) {
        expect(file.name).toMatch(/^[A-Za-z0-9._+!-]+$/);
        expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(new URL(file.url).protocol).toBe('https:');
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

describe('a page in JSON', () => {
  const honest = { filename: wheel, url: `https://files.example/${wheel}`, hashes: { sha256: digest } };

  it('gives what PEP 700 and PEP 740 add', () => {
    const entry = { ...honest, size: 7, 'upload-time': '2024-11-06T22:37:10.868088Z', yanked: 'bad\u001b[2J', provenance: '/p' };
    expect(json(page(entry, { ...honest, yanked: false, extra: {} }))).toEqual([
      {
        name: wheel,
        url: honest.url,
        sha256: digest,
        bytes: 7,
        published: '2024-11-06T22:37:10.868088Z',
        yanked: 'bad\\u{1b}[2J',
        provenance: 'https://index.example/p',
      },
      { name: wheel, url: honest.url, sha256: digest },
    ]);
  });

  it.each([
    ['a number', 7],
    ['a list', []],
    ['no version', { files: [] }],
    ['another version', { meta: { 'api-version': '2.0' }, files: [] }],
    ['files that are no list', { meta: { 'api-version': '1.0' }, files: {} }],
  ])('refuses %s', (_title, value) => {
    expect(() => json(value)).toThrow(expect.objectContaining({ code: 'FEED_UNAVAILABLE' }));
  });

  it('gives only files that can be named, asked and checked, whatever the page', () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(wheel, honest.url, { sha256: digest }, 'http://x.example/a', -1),
    );
    const entry = fc.dictionary(
      fc.constantFrom('filename', 'url', 'hashes', 'size', 'yanked', 'upload-time', 'provenance'),
      value,
    );
    const property = fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
      for (const file of json(page(...entries))) {
        expect(file.name).toMatch(/^[A-Za-z0-9._+!-]+$/);
        expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(file.url).toMatch(/^https:/);
        if (file.bytes !== undefined) expect(file.bytes).toBeGreaterThanOrEqual(0);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('names of files', () => {
  it.each([
    [wheel, 'tensorflow-cpu', '2.21.0'],
    ['tensorflow_cpu-2.21.0-1-cp311-cp311-linux_x86_64.whl', 'tensorflow-cpu', '2.21.0'],
    ['Some.Package-1.0rc1.tar.gz', 'some-package', '1.0rc1'],
    ['sample-project-4.0.0.zip', 'sample-project', '4.0.0'],
  ])('%s is %s %s', (file, name, version) => {
    expect(distributionOf(file)).toEqual({ name, version });
  });

  it.each(['tensorflow.whl', 'a-b-c.whl', 'readme.txt', '-1.0.tar.gz', 'x.tar.gz'])('%s is none', (file) => {
    expect(distributionOf(file)).toBeUndefined();
  });

  it('normalises as PEP 503 does', () => {
    expect(normalName('TensorFlow__CPU.x')).toBe('tensorflow-cpu-x');
  });
});
