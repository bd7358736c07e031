import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPipSettings, parsePipConfig, readPythonText } from './pip-settings.ts';

const check = (...lines: string[]) => checkPipSettings(parsePipConfig(lines.join('\n')));

describe('what pip config list prints', () => {
  it('lets the command win over global, and the environment over both', () => {
    const lines = [
      ":env:.index-url='https://c.example'",
      "download.index-url='https://b.example'",
      "global.index-url='https://a.example'",
    ];
    expect(check(...lines).indexUrl).toBe('https://c.example');
    expect(check(...lines.slice(1)).indexUrl).toBe('https://b.example');
    expect(check(...lines.slice(2), "install.index-url='https://d.example'").indexUrl).toBe('https://a.example');
    expect(check(":env:.index-url=''", ...lines.slice(2)).indexUrl).toBe('https://a.example');
  });

  it('reads texts as Python writes them', () => {
    expect(readPythonText(String.raw`'a\'b\n\x41\\'`)).toBe("a'b\nA\\");
    expect(readPythonText(`"it's"`)).toBe("it's");
    for (const text of ['', "'", 'x', `'x"`, 'None']) expect(readPythonText(text)).toBeUndefined();
  });

  it('reads all of it, however much there is', () => {
    const many = Array.from({ length: 3_000 }, (_, at) => `global.a${at}='x'`);
    expect(
      parsePipConfig([...many, "global.extra-index-url='https://x.example'"].join('\n')).get('extra-index-url'),
    ).toBeDefined();
  });

  it('never throws while it reads', () => {
    const part = fc.oneof(
      fc.constantFrom('global.', ':env:.', 'index-url=', "'", '"', '\\', '\n', 'x'),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(fc.property(fc.array(part), (parts) => parsePipConfig(parts.join('')).size >= 0));
  });
});

describe('what is refused of it, by name', () => {
  it.each([
    ['extra-index-url', String.raw`global.extra-index-url='\nhttps://me:secret@x.example/simple\nhttps://y.example'`],
    ['extra-index-url', ":env:.extra-index-url='https://x.example/simple'"],
    ['extra-index-url', "download.extra-index-url='https://x.example/simple'"],
    ['trusted-host', "global.trusted-host='secret.example'"],
    ['index-url', "global.index-url='http://me:secret@x.example/simple'"],
    ['index-url', "global.index-url='git+ssh://secret'"],
    ['find-links', "global.find-links='/opt/wheels https://x.example/secret'"],
    ['pre', "global.pre='true'"],
    ['requirement', ":env:.requirement='/home/me/secret.txt'"],
    ['constraint', "global.constraint='/home/me/secret.txt'"],
    ['pypi-url', "global.pypi-url='http://secret.example/simple'"],
  ])('%s: %s', (key, line) => {
    expect(() => check(line)).toThrow(
      expect.objectContaining({ code: 'RUNTIME_UNOFFICIAL', message: expect.stringContaining(`setting ${key} `) }),
    );
    const message = (() => {
      try {
        check(line);
        return '';
      } catch (error) {
        return error instanceof Error ? error.message : '';
      }
    })();
    if (key !== 'trusted-host') expect(message).not.toContain('secret');
  });

  it.each([
    ["global.index-url='https://me:secret@x.example/simple'"],
    ["global.index-url='http://127.0.0.1:3141/root/pypi'"],
    ["global.trusted-host='localhost:3141'"],
    [":env:.find-links='/opt/wheels file:///srv/wheels'", ":env:.no-index='1'"],
    ["install.extra-index-url='https://x.example/simple'"],
  ])('and not %s', (...lines) => {
    expect(check(...lines).cert).toBeUndefined();
  });

  it('knows that no index is asked', () => {
    expect(check(":env:.no-index='1'").indexUrl).toBeUndefined();
    expect(check(":env:.no-index='0'").indexUrl).toBeDefined();
  });
});
