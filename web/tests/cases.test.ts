import { beforeEach, describe, expect, it } from 'vitest'
import { mount } from './mounted'
import { Problem } from '@/api/client'
import { setLanguage } from '@/i18n'
import { deliver, passing, troubled, type CaseAnswer, type Outside } from '@/modules/cases/queue/delivery'
import { dueText } from '@/modules/cases/due'
import LightMark from '@/modules/cases/LightMark.vue'
import StateDiagram from '@/modules/cases/StateDiagram.vue'
import type { Photo, Waiting } from '@/modules/cases/queue/store'

/** As much of the server as the queue talks to: versions, request ids, one history per case. */
class Server {
  cases = new Map<number, CaseAnswer & { history: string[]; evidence: { id: number; name: string; size: number }[] }>()
  requests = new Map<string, number>()
  /** What the next calls meet instead of an answer; `after` once it was carried out. */
  troubles: { path: RegExp; problem: Problem; after?: boolean }[] = []
  calls: string[] = []

  change(id: number, what: string): void {
    const found = this.cases.get(id)!
    found.history.push(what)
    found.version += 1
  }
  post = async (path: string, body: unknown): Promise<CaseAnswer> => {
    this.calls.push(path)
    const at = this.troubles.findIndex((x) => x.path.test(path))
    const trouble = at < 0 ? undefined : this.troubles.splice(at, 1)[0]
    if (trouble && !trouble.after) throw trouble.problem
    const answer = this.carry(path, body)
    if (trouble) throw trouble.problem
    return structuredClone(answer)
  }
  private carry(path: string, body: unknown): CaseAnswer {
    const said = body as Record<string, unknown>
    const request = String(body instanceof FormData ? body.get('request_id') : (said['request_id'] ?? said['key']))
    const done = this.requests.get(request)
    if (done) return this.cases.get(done)!
    if (path === '/cases') {
      const id = this.cases.size + 1
      this.cases.set(id, { id, version: 1, history: ['open'], evidence: [] })
      this.requests.set(request, id)
      return this.cases.get(id)!
    }
    const id = Number(path.split('/')[2])
    const found = this.cases.get(id)!
    if (path.endsWith('/act') && said['version'] !== found.version) throw new Problem(409, { code: 'cases.changed', detail: 'changed' })
    if (body instanceof FormData) {
      const file = body.get('file') as File
      found.evidence.push({ id: 100 + found.evidence.length, name: file.name, size: file.size })
    }
    this.requests.set(request, id)
    this.change(id, path.endsWith('/act') ? String(said['transition']) : path.split('/').at(-1)!)
    return found
  }
}

const photo = (name: string): Photo => ({ blob: new Blob([name]), name, kind: 'photo', takenAt: null, position: null })
let n = 0
const waiting = (more: Partial<Waiting>): Waiting => ({
  id: `q-0000000${n++}`, kind: 'act', userId: 1, caseId: 1, title: '', photos: [], uploaded: {}, doneAt: '', state: 'waiting', why: '', tries: 0,
  body: { transition: 'accept', version: 1 }, ...more,
})

describe('the queue', () => {
  let server: Server
  let stored: Map<string, Waiting>
  let told: (number | null)[]
  const outside = (): Outside => ({
    post: server.post,
    keep: async (item) => stored.set(item.id, { ...item, uploaded: { ...item.uploaded } }),
    drop: async (id) => stored.delete(id),
    sent: (id) => told.push(id),
  })
  const run = async (...items: Waiting[]): Promise<Waiting[]> => {
    for (const item of items) stored.set(item.id, item)
    await deliver([...stored.values()], outside())
    return [...stored.values()]
  }
  beforeEach(() => {
    server = new Server()
    stored = new Map()
    told = []
    for (const id of [1, 2]) server.cases.set(id, { id, version: 1, history: [], evidence: [] })
  })

  it('sends photos before the step that needs them, and the own photo is no conflict', async () => {
    expect(await run(waiting({ body: { transition: 'fix', version: 1 }, photos: [photo('a.jpg'), photo('b.jpg')] }))).toEqual([])
    expect(server.cases.get(1)!.history).toEqual(['upload', 'upload', 'fix'])
    expect(told).toEqual([1])
  })

  it('keeps the order of one case, and a comment of one’s own is no conflict for the step after it', async () => {
    await run(waiting({ kind: 'comment', body: { text: 'x' } }), waiting({ kind: 'comment', body: { text: 'y' } }), waiting({}))
    expect(server.cases.get(1)!.history).toEqual(['comments', 'comments', 'accept'])
  })

  it('says conflict when somebody else was there, and overwrites nothing', async () => {
    server.change(1, 'somebody')
    const [left] = await run(waiting({ photos: [photo('a.jpg')] }))
    expect(left).toMatchObject({ state: 'conflict', why: 'changed', uploaded: { 0: 100 } })
    expect(server.cases.get(1)!.history).toEqual(['somebody', 'upload'])
    expect(await run({ ...left!, state: 'waiting', body: { ...left!.body, version: 3 } })).toEqual([])
    expect(server.cases.get(1)!.history).toEqual(['somebody', 'upload', 'accept'])
  })

  it('lets what follows a conflict wait, on the same case only', async () => {
    server.change(1, 'somebody')
    const left = await run(waiting({}), waiting({ kind: 'comment', body: { text: 'after' } }), waiting({ caseId: 2 }))
    expect(left.map((i) => i.state)).toEqual(['conflict', 'waiting'])
    expect(server.cases.get(1)!.history).toEqual(['somebody'])
    expect(server.cases.get(2)!.history).toEqual(['accept'])
    expect((await run()).map((i) => i.state)).toEqual(['conflict', 'waiting'])
  })

  it('stops while there is no network, and goes on past one case the server stumbles over', async () => {
    server.troubles.push({ path: /./, problem: new Problem(0, { code: 'network' }) })
    expect((await run(waiting({}), waiting({ caseId: 2 }))).map((i) => i.state)).toEqual(['waiting', 'waiting'])
    expect(server.calls).toHaveLength(1)
    server.troubles.push({ path: /cases\/1/, problem: new Problem(500, { detail: 'stumbled' }) })
    const left = await run()
    expect(left.map((i) => [i.caseId, i.state, i.tries])).toEqual([[1, 'waiting', 2]])
    expect(await run()).toEqual([])
  })

  it('does nothing twice though the answers to report, photo and comment got lost', async () => {
    const lost = new Problem(0, { code: 'network' })
    server.troubles = [/cases$/, /upload$/].map((path) => ({ path, problem: lost, after: true }))
    await run(waiting({ kind: 'open', caseId: null, body: { type: 'cases.report' }, photos: [photo('a.jpg')] }))
    await run()
    expect(await run()).toEqual([])
    expect(server.cases.size).toBe(3)
    expect(server.cases.get(3)!.evidence).toHaveLength(1)
  })

  it('keeps a report whose photo was refused with the case it opened', async () => {
    server.troubles.push({ path: /upload$/, problem: new Problem(422, { detail: 'no picture' }) })
    const [left] = await run(waiting({ kind: 'open', caseId: null, body: {}, photos: [photo('a.jpg')] }))
    expect(left).toMatchObject({ caseId: 3, state: 'refused', why: 'no picture' })
    expect(troubled(left!)).toBe(true)
  })

  it.each([
    [0, true], [401, true], [429, true], [500, true], [503, true], [400, false], [403, false], [404, false], [409, false], [422, false],
  ])('takes HTTP %i for passing: %s', (status, expected) => {
    expect(passing(new Problem(status, {}))).toBe(expected)
  })
  it('takes an error of ours for no passing one', () => expect(passing(new TypeError('x'))).toBe(false))
})

describe('deadlines and lights', () => {
  beforeEach(() => setLanguage('en'))
  const now = Date.UTC(2026, 2, 2, 8)
  it('says how a deadline lies to now, and nothing where there is none', () => {
    expect(dueText(null, now)).toBe('—')
    expect(dueText('2026-03-02T10:00:00Z', now)).toMatch(/2 h/)
    expect(dueText('2026-03-02T10:00:00Z', now)).not.toBe(dueText('2026-03-02T06:00:00Z', now))
    expect(dueText('2026-03-02T06:00:00Z', now)).toMatch(/overdue/)
  })
  it('marks yellow and red with a shape of their own, and nothing while in time', () => {
    expect(mount(LightMark, { light: 'red' }).querySelector('.mark.red[role=img]')?.getAttribute('aria-label')).toBeTruthy()
    expect(mount(LightMark, { light: 'yellow' }).querySelector('.mark.yellow')).not.toBeNull()
    for (const light of ['green', 'none']) expect(mount(LightMark, { light }).querySelector('.mark')).toBeNull()
  })
})

describe('the state diagram', () => {
  const node = (state: string, x: number, y: number, phase = 'open') => ({ state, title: state, phase, x, y })
  const edge = (source: string, target: string, more = {}) => ({ source, target, title: `${source} ${target}`, transition: 't', exit: false, ...more })
  const diagram = {
    layers: 3, mermaid: '', nodes: [node('a', 0, 0), node('b', 1, 0), node('c', 1, 1), node('z', 2, 0, 'final')],
    edges: [edge('a', 'b'), edge('a', 'b', { title: 'too' }), edge('b', 'c'), edge('b', 'z'), edge('c', 'a'), edge('c', 'z', { exit: true })],
  }
  const drawn = mount(StateDiagram, { diagram, state: 'b', passed: ['a', 'b'] })
  it('gives every state its own place inside the drawing', () => {
    const boxes = [...drawn.querySelectorAll('rect')].map((r) => ['x', 'y', 'width', 'height'].map((k) => Number(r.getAttribute(k))))
    const svg = drawn.querySelector('svg')!
    for (const [i, [x, y, w, h]] of boxes.entries()) {
      expect(x! + w!).toBeLessThanOrEqual(Number(svg.getAttribute('width')))
      expect(y! + h!).toBeLessThanOrEqual(Number(svg.getAttribute('height')))
      for (const [u, v] of boxes.slice(i + 1)) expect(Math.abs(u! - x!) >= w! || Math.abs(v! - y!) >= h!).toBe(true)
    }
  })
  it('draws one line for each pair, common exits left out, and lights the present state', () => {
    expect([...drawn.querySelectorAll('.edge title')].map((x) => x.textContent)).toEqual(['a b / too', 'b c', 'b z', 'c a'])
    expect([...drawn.querySelectorAll('.now text')].map((x) => x.textContent)).toEqual(['b'])
    expect(drawn.querySelectorAll('.passed')).toHaveLength(2)
    expect(drawn.querySelector('svg')!.getAttribute('aria-label')).toBe('a → b → c → z')
  })
})
