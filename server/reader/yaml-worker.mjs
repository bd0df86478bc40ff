import { parentPort } from 'node:worker_threads';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';

/** Reads YAML in a thread of its own where Ansible's Python is missing; stricter than Ansible here and there. */

/** The parser recurses. */
const MAX_DEPTH = 200;

const IMPORTS = ['import_playbook', 'ansible.builtin.import_playbook', 'ansible.legacy.import_playbook'];

parentPort?.on('message', (bytes) => parentPort?.postMessage(judge(Buffer.from(bytes))));

function judge(bytes) {
  const text = bytes.toString('utf8');
  if (text.startsWith('$ANSIBLE_VAULT')) return { kind: 'vault' };
  if (nestingDepth(text) > MAX_DEPTH) return broken(`It is nested deeper than ${MAX_DEPTH}`);
  const lineCounter = new LineCounter();
  let documents;
  try {
    // builds only the syntax tree: aliases are never followed, and Ansible's tags stay tags
    const parsed = parseAllDocuments(text.replace(/^\ufeff/, ''), {
      lineCounter,
      logLevel: 'silent',
      prettyErrors: false,
      uniqueKeys: false,
    });
    documents = 'empty' in parsed ? [] : parsed;
  } catch (error) {
    return broken(String(error));
  }
  const lineAt = (offset) => lineCounter.linePos(offset).line;
  for (const document of documents) {
    const [error] = document.errors;
    if (!error) continue;
    const problem = error.message.split('\n', 1)[0]?.slice(0, 500) ?? '';
    return { kind: 'broken', problem, line: lineAt(error.pos[0]), position: error.pos[0] };
  }
  const [first, second] = documents;
  if (second) {
    const [position] = second.range;
    return {
      kind: 'broken',
      problem: 'A playbook is one document; this text holds several',
      line: lineAt(position),
      position,
    };
  }
  const root = first?.contents;
  if (!root || (isScalar(root) && root.value === null)) return { kind: 'empty' };
  if (isMap(root)) {
    const names = root.items.flatMap(({ key }) =>
      isScalar(key) && typeof key.value === 'string' ? [key.value] : [],
    );
    return { kind: 'mapping', names: names.slice(0, 1_000) };
  }
  if (!isSeq(root)) return { kind: 'scalar' };
  // aliases are not followed: judging their targets is left to Ansible
  const other = root.items.find((item) => !isMap(item) && !isAlias(item));
  const position = isNode(other) && other.range ? other.range[0] : null;
  const plays = root.items.filter((item) => isMap(item));
  return {
    kind: plays.some((play) => play.has('hosts') || IMPORTS.some((name) => play.has(name)))
      ? 'playbook'
      : 'list',
    isEmpty: root.items.length === 0,
    prompts: plays.flatMap(promptsOf),
    imports: plays.flatMap(importsOf),
    otherLine: other === undefined ? null : position === null ? 1 : lineAt(position),
    otherPosition: position,
    playFault: null,
  };
}

function promptsOf(play) {
  const asked = play.get('vars_prompt');
  return (isSeq(asked) ? asked.items : [asked]).flatMap((prompt) => {
    if (!isMap(prompt) || !prompt.has('name')) return [];
    const hasDefault = (prompt.get('default') ?? null) !== null;
    // only Ansible's own loader decides whether a variables file answers a prompt
    return [{ name: String(prompt.get('name')), hasDefault, varsFiles: [] }];
  });
}

function importsOf(play) {
  const file = IMPORTS.map((name) => play.get(name)).find((value) => value !== undefined);
  if (typeof file !== 'string') return [];
  const vars = play.get('vars');
  const values = {};
  for (const { key, value } of isMap(vars) ? vars.items : []) {
    if (!isScalar(key) || typeof key.value !== 'string' || !isScalar(value)) continue;
    if (typeof value.value === 'string' || typeof value.value === 'number')
      values[key.value] = String(value.value);
  }
  return [{ file, vars: values }];
}

function broken(problem) {
  return { kind: 'broken', problem, line: null, position: null };
}

/** How deep brackets, and "- - -" in one line, nest at most; those in texts count too: too many rather than too few. */
function nestingDepth(text) {
  let brackets = 0;
  let indicators = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '[' || char === '{') brackets += 1;
    else if ((char === ']' || char === '}') && brackets > 0) brackets -= 1;
    if ((char === '-' || char === '?' || char === ':') && text[at + 1] === ' ') indicators += 1;
    else if (char !== ' ') indicators = 0;
    deepest = Math.max(deepest, brackets, indicators);
  }
  return deepest;
}
