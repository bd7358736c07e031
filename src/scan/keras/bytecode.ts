// Python code objects as `marshal` writes them, found in strings of configurations (base64) and described by the names they use. Nothing is
// decoded into an object and nothing is run: the version of Python that wrote it does not matter for that.

export interface Bytecode {
  readonly sizeBytes: number;
  /** Names and texts in it that say what it does, most telling first, at most 8. */
  readonly telling: readonly string[];
}

/** TYPE_CODE with and without FLAG_REF (Python/marshal.c). */
const codeTypes: ReadonlySet<number> = new Set([0xe3, 0x63]);
const minBytes = 40;
const maxBytes = 4 * 1024 ** 2;
const maxTelling = 8;
const maxTexts = 20_000;

/** What code that does harm has to name. */
const tellingNames: readonly string[] = [
  'system',
  'popen',
  'Popen',
  'subprocess',
  'check_output',
  'check_call',
  'exec',
  'eval',
  'execv',
  'execve',
  'spawn',
  'fork',
  'os',
  'posix',
  'nt',
  'pty',
  '__import__',
  'importlib',
  'import_module',
  'socket',
  'connect',
  'urlopen',
  'urllib',
  'urllib.request',
  'requests',
  'http',
  'ctypes',
  'pickle',
  'marshal',
  'loads',
  'base64',
  'b64decode',
  'open',
  'write',
  'read',
  'read_file',
  'write_file',
  'remove',
  'unlink',
  'rmtree',
  'shutil',
  'environ',
  'getattr',
  'setattr',
  'globals',
  'builtins',
  '__builtins__',
  '__subclasses__',
  '__globals__',
  'compile',
  'sys',
  'signal',
  'kill',
  'threading',
  'Thread',
  'codecs',
  'zlib',
  'io',
  'gfile',
  'py_function',
  'load_library',
  'load_op_library',
  'get_file',
  'webbrowser',
  'getpass',
  'platform',
  'uname',
  'gethostname',
  'sleep',
];

/** Runs of printable ASCII of at least two characters. Linear. */
function texts(bytes: Buffer): Set<string> {
  const found = new Set<string>();
  let start = -1;
  for (let at = 0; at <= bytes.length && found.size < maxTexts; at++) {
    const byte = at < bytes.length ? bytes[at] : 0;
    const isText = byte >= 0x20 && byte < 0x7f;
    if (isText && start === -1) start = at;
    if (isText || start === -1) continue;
    if (at - start >= 2) found.add(bytes.toString('latin1', start, Math.min(at, start + 200)));
    start = -1;
  }
  return found;
}

function isTelling(text: string, name: string): boolean {
  // The length of a string stands before it and may itself be a printable character, as may the type of what comes next.
  return text === name || (text.length <= name.length + 2 && text.includes(name));
}

/** Describes marshalled code, or gives undefined for anything else. */
export function readBytecode(bytes: Buffer): Bytecode | undefined {
  if (bytes.length < minBytes || !codeTypes.has(bytes[0])) return undefined;
  // Counts of arguments, locals and the like come first: four small numbers of four bytes each.
  for (let at = 1; at <= 13; at += 4) if (bytes.readUInt32LE(at) > 0xffff) return undefined;
  const found = texts(bytes.subarray(0, maxBytes));
  const telling = tellingNames.filter((name) => [...found].some((text) => isTelling(text, name)));
  const commands = [...found].filter((text) =>
    /^.?(?:\/[\w.-]+\/|https?:\/\/|(?:curl|wget|touch|sh|bash|nc|id|rm|cat|echo|python3?) )/.test(text),
  );
  return { sizeBytes: bytes.length, telling: [...telling, ...commands.map((text) => `"${text}"`)].slice(0, maxTelling) };
}

const base64 = /^[A-Za-z0-9+/_-]{40,}={0,2}$/;

/** The same for a string that may be base64, with the line breaks that Python's codecs put in. */
export function readBytecodeText(text: string): Bytecode | undefined {
  const first = text[0];
  // 0xe3 and 0x63 begin `4w` to `4z` and `Yw` to `Yz`; in Keras 1 the bytes stand there raw.
  if (first === '4' || first === 'Y') {
    const joined = text.slice(0, maxBytes * 2).replace(/\s+/g, '');
    return base64.test(joined) ? readBytecode(Buffer.from(joined, 'base64')) : undefined;
  }
  if (first === '\u00e3' || first === 'c') return readBytecode(Buffer.from(text.slice(0, maxBytes), 'latin1'));
  return undefined;
}
