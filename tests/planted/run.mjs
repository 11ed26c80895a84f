// Plants the defects of defects.json, one at a time, in a copy of the sources, and runs the test that has to notice each.
//
// A defect counts as caught only where the copy compiles, the test passes without the defect, and fails with it.
//
// node tests/planted/run.mjs [ITEM or part of a test's name or of a defect]...

import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, linkSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const HOUSE = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const TARGET = resolve(process.env.CARGO_TARGET_DIR || join(HOUSE, 'target'))
// The copy is always at the same place, so that a second run compiles only what changed.
const COPY = join(TARGET, 'planted/copy')
// Cargo tells two copies of one workspace apart by nothing but the times of their files. In the same target folder the house would
// get what was compiled with a defect.
const COMPILED = join(TARGET, 'planted/target')
// A test that hangs notices nothing. The first compilation of a suite takes a few minutes.
const MINUTES_MAX = 20

const { suites, defects } = JSON.parse(readFileSync(join(HOUSE, 'tests/planted/defects.json'), 'utf8'))

/** The files of the house, whether they are committed or not, and the page that the server takes in. */
function filesOfTheHouse() {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const listed = execFileSync('git', list, { cwd: HOUSE, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0')
  const page = existsSync(join(HOUSE, 'web/dist')) ? filesBelow('web/dist') : []
  return [...listed, ...page].filter((name) => name && existsSync(join(HOUSE, name)))
}

function filesBelow(folder, house = HOUSE) {
  return readdirSync(join(house, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder ? `${folder}/${entry.name}` : entry.name
    return entry.isDirectory() ? filesBelow(name, house) : [name]
  })
}

/** Brings the copy up to date. A file that did not change keeps its time, so that cargo does not compile it again. */
function copy(files) {
  mkdirSync(COPY, { recursive: true })
  const wanted = new Set(files)
  for (const name of filesBelow('', COPY)) {
    if (!wanted.has(name)) rmSync(join(COPY, name))
  }
  for (const name of files) {
    const bytes = readFileSync(join(HOUSE, name))
    const there = join(COPY, name)
    if (existsSync(there) && bytes.equals(readFileSync(there))) continue
    mkdirSync(dirname(there), { recursive: true })
    writeFileSync(there, bytes, { mode: statSync(join(HOUSE, name)).mode })
  }
}

/** Takes over what was compiled of other packages, Lance among them, so that it is not compiled once more. */
function seed() {
  const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--offline', '--format-version=1'], {
    cwd: HOUSE,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  const packages = JSON.parse(metadata).packages
  const named = packages.flatMap((one) => [one.name, ...one.targets.map((target) => target.name)])
  const own = new Set(named.map((name) => name.replaceAll('-', '_')))
  const isOwn = (entry) => own.has(entry.replace(/-[0-9a-f]{16}(\..*)?$/, '').replaceAll('-', '_').replace(/^lib/, ''))
  for (const folder of ['debug/deps', 'debug/build', 'debug/.fingerprint']) {
    if (existsSync(join(COMPILED, folder)) || !existsSync(join(TARGET, folder))) continue
    for (const name of filesBelow(folder, TARGET)) {
      if (isOwn(name.split('/')[2])) continue
      const [there, here] = [join(TARGET, name), join(COMPILED, name)]
      mkdirSync(dirname(here), { recursive: true })
      // Nobody writes to a compiled crate any more: one that is compiled anew has another name. Cargo writes to its notes, and a build
      // script to its output, so these are copied. Their times tell cargo that they are up to date.
      if (folder === 'debug/deps') linkSync(there, here)
      else cpSync(there, here, { preserveTimestamps: true })
    }
  }
}

/** The sources of the product by name: no tests, and not the builder of the page. tidy.rs looks through the same. */
function sourcesOf(files) {
  const isProduct = (name) => name.endsWith('.rs') && !name.startsWith('web/') && !name.split('/').includes('tests')
  return new Map(files.filter(isProduct).map((name) => [name, readFileSync(join(HOUSE, name), 'utf8')]))
}

/** Replaces lines, which stand at one place of all sources, whatever they are indented by. */
function edit(sources, { find, replace }) {
  const wanted = find.map((line) => line.trim())
  const places = []
  for (const [name, text] of sources) {
    const lines = text.split('\n')
    const trimmed = lines.map((line) => line.trim())
    for (let at = trimmed.indexOf(wanted[0]); at !== -1; at = trimmed.indexOf(wanted[0], at + 1)) {
      if (wanted.every((line, index) => trimmed[at + index] === line)) places.push({ name, lines, at })
    }
  }
  if (places.length !== 1) throw new Error(`these lines stand at ${places.length} places, and have to at one:\n${find.join('\n')}`)
  const [{ name, lines, at }] = places
  lines.splice(at, find.length, ...replace)
  sources.set(name, lines.join('\n'))
  return name
}

/** Puts these sources into the copy, and returns what puts the ones of the house back. */
function plant(defect, sources) {
  const planted = new Map(sources)
  const names = new Set(defect.edits.map((one) => edit(planted, one)))
  for (const name of names) writeFileSync(join(COPY, name), planted.get(name))
  return () => names.forEach((name) => writeFileSync(join(COPY, name), sources.get(name)))
}

/** Runs tests of one suite in the copy. Returns how each ended, and all that was said. */
function test(suite, names) {
  const { packages, binary } = suites[suite]
  const selected = packages.flatMap((name) => ['--package', name])
  const env = { ...process.env, CARGO_TARGET_DIR: COMPILED, CARGO_TERM_COLOR: 'never' }
  delete env.SIDECAR_LONG
  const child = spawn('cargo', ['test', '--locked', ...selected, ...binary, '--', '--exact', ...names], {
    cwd: COPY,
    env,
    detached: true,
  })
  return new Promise((done, failed) => {
    let said = ''
    let hangs = false
    const timer = setTimeout(() => {
      hangs = true
      process.kill(-child.pid, 'SIGKILL')
    }, MINUTES_MAX * 60_000)
    child.stdout.on('data', (bytes) => (said += bytes))
    child.stderr.on('data', (bytes) => (said += bytes))
    child.on('error', failed)
    child.on('close', () => {
      clearTimeout(timer)
      const results = said.matchAll(/^test (\S+) \.\.\. (ok|FAILED)$/gm)
      const ended = new Map([...results].map(([, name, how]) => [name, how]))
      done({ ended, hangs, said })
    })
  })
}

const lastOf = (said) => said.trimEnd().split('\n').slice(-40).join('\n')

async function calm(suite, wanted) {
  const names = [...new Set(wanted.map((defect) => defect.test))]
  const { ended, said } = await test(suite, names)
  const wrong = names.filter((name) => ended.get(name) !== 'ok')
  if (wrong.length > 0) throw new Error(`without any defect these tests of ${suite} do not pass: ${wrong.join(', ')}\n${lastOf(said)}`)
  console.log(`${suite}: ${names.length} tests pass without a defect`)
}

/** How the named test took the defect: `caught`, or what else came of it. */
async function verdict(defect, sources) {
  let takeOut
  try {
    takeOut = plant(defect, sources)
    const { ended, hangs, said } = await test(defect.suite, [defect.test])
    const how = ended.get(defect.test)
    if (how === 'FAILED') return ['caught', '']
    if (how === 'ok') return ['NOT CAUGHT', '']
    return [hangs ? 'HANGS' : 'DOES NOT COMPILE OR RUN', lastOf(said)]
  } catch (error) {
    return ['NOT PLANTED', error.message]
  } finally {
    takeOut?.()
  }
}

function isAskedFor(defect) {
  const asked = process.argv.slice(2)
  const fits = (word) => String(defect.item) === word || (!/^\d+$/.test(word) && `${defect.suite} ${defect.test} ${defect.defect}`.includes(word))
  return asked.length === 0 || asked.some(fits)
}

const files = filesOfTheHouse()
const sources = sourcesOf(files)
copy(files)
seed()
const asked = defects.filter(isAskedFor)
if (asked.length === 0) throw new Error('no defect is asked for')
const began = Date.now()
let missed = 0
for (const suite of Object.keys(suites)) {
  const wanted = asked.filter((defect) => defect.suite === suite)
  if (wanted.length === 0) continue
  await calm(suite, wanted)
  for (const defect of wanted) {
    const since = Date.now()
    const [what, why] = await verdict(defect, sources)
    missed += what === 'caught' ? 0 : 1
    const seconds = Math.round((Date.now() - since) / 1000)
    console.log(`${String(defect.item).padStart(4)}  ${what}, ${seconds} s: ${defect.defect}\n      ${defect.suite} ${defect.test}`)
    if (why) console.log(why.replace(/^/gm, '      '))
  }
}
const minutes = Math.ceil((Date.now() - began) / 60_000)
console.log(`${asked.length - missed} of ${asked.length} planted defects are caught, in ${minutes} minutes`)
process.exitCode = missed === 0 ? 0 : 1
