import { ref, shallowRef } from 'vue'
import { BASE } from '@/api/client'
import { learnServerTime, serverNow } from '@/stores/clock'
import { LiveTable, type Reading } from './table'

export type LinkState = 'off' | 'connecting' | 'open' | 'waiting'
type TopicHandler = (data: unknown, serverMs: number) => void

interface Frame {
  op: string
  server_ms?: number
  limits?: { points?: number }
  v?: (number | null)[]
  topic?: string
  data?: unknown
  refused?: number[]
}

const FIRST_WAIT = 500
const LONGEST_WAIT = 15_000
const SILENCE = 30_000
const ANSWER = 10_000

/**
 * The page's one WebSocket (`/api/v1/live`). Subscriptions are counted: the server sends a point as long as
 * somebody on the page watches it. Values land in typed arrays; `version` moves once per animation frame.
 */
export class LiveLink {
  readonly state = ref<LinkState>('off')
  /** Moves at most once per frame when any watched value changed; read it to depend on live values. */
  readonly version = shallowRef(0)
  /** Median of “server clock − observed” over the newest fresh readings, ms; null while unknown. */
  readonly delayMs = ref<number | null>(null)
  /** When the next attempt starts (browser clock, ms); null while connected. */
  readonly retryAt = ref<number | null>(null)
  readonly refused = ref(0)
  readonly table = new LiveTable()

  private socket: WebSocket | null = null
  private points = new Map<number, number>()
  private topics = new Map<string, Set<TopicHandler>>()
  private pendingOn = new Set<number>()
  private pendingOff = new Set<number>()
  private flushQueued = false
  private frameQueued = false
  private attempts = 0
  private timer = 0
  private heardAt = 0
  private askedAt = 0
  private snapshotUntil = 0
  private delays: number[] = []
  private limit = 5000

  constructor(private readonly address = () => location.origin.replace(/^http/, 'ws') + BASE + '/live') {}

  start(): void {
    if (this.socket || this.state.value === 'connecting') return
    this.attempts = 0
    this.connect()
    document.addEventListener('visibilitychange', this.onVisible)
    window.addEventListener('online', this.onVisible)
  }

  stop(): void {
    window.clearTimeout(this.timer)
    document.removeEventListener('visibilitychange', this.onVisible)
    window.removeEventListener('online', this.onVisible)
    const socket = this.socket
    this.socket = null
    this.state.value = 'off'
    this.retryAt.value = null
    this.delayMs.value = null
    socket?.close()
  }

  /** Watch points until the returned function is called. */
  watch(ids: Iterable<number>): () => void {
    const taken = [...new Set(ids)]
    for (const id of taken) {
      const count = this.points.get(id) ?? 0
      this.points.set(id, count + 1)
      if (count === 0 && !this.pendingOff.delete(id)) this.pendingOn.add(id)
    }
    this.queueFlush()
    let done = false
    return () => {
      if (done) return
      done = true
      for (const id of taken) {
        const count = (this.points.get(id) ?? 1) - 1
        if (count > 0) this.points.set(id, count)
        else {
          this.points.delete(id)
          if (!this.pendingOn.delete(id)) this.pendingOff.add(id)
        }
      }
      this.queueFlush()
    }
  }

  /** Listen to a topic (`alarms`, `ingest`) until the returned function is called. */
  on(topic: string, handler: TopicHandler): () => void {
    let set = this.topics.get(topic)
    if (!set) {
      set = new Set()
      this.topics.set(topic, set)
      this.send({ op: 'subscribe', points: [], topics: [topic] })
    }
    set.add(handler)
    return () => {
      set.delete(handler)
      if (set.size === 0 && this.topics.get(topic) === set) {
        this.topics.delete(topic)
        this.send({ op: 'unsubscribe', points: [], topics: [topic] })
      }
    }
  }

  get(id: number): Reading | null {
    return this.table.get(id)
  }

  private onVisible = (): void => {
    if (document.visibilityState === 'visible' && this.state.value === 'waiting') {
      window.clearTimeout(this.timer)
      this.connect()
    }
  }

  private connect(): void {
    this.state.value = 'connecting'
    this.retryAt.value = null
    const socket = new WebSocket(this.address())
    this.socket = socket
    socket.onopen = () => {
      this.heardAt = Date.now()
      this.askedAt = 0
    }
    socket.onmessage = (event: MessageEvent<string>) => {
      if (this.socket === socket) this.receive(JSON.parse(event.data) as Frame)
    }
    socket.onclose = () => {
      if (this.socket === socket) this.lost()
    }
  }

  private lost(): void {
    this.socket = null
    this.delayMs.value = null
    this.delays = []
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.attempts) * (0.75 + Math.random() / 2)
    this.attempts += 1
    this.state.value = 'waiting'
    this.retryAt.value = Date.now() + wait
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => this.connect(), wait)
  }

  private receive(frame: Frame): void {
    this.heardAt = Date.now()
    this.askedAt = 0
    if (frame.server_ms !== undefined) learnServerTime(frame.server_ms)
    switch (frame.op) {
      case 'hello':
        this.limit = frame.limits?.points ?? this.limit
        this.state.value = 'open'
        this.attempts = 0
        this.pendingOn = new Set(this.points.keys())
        this.pendingOff.clear()
        if (this.topics.size) this.send({ op: 'subscribe', points: [], topics: [...this.topics.keys()] })
        this.flush()
        this.listen()
        break
      case 'subscribed':
        this.refused.value = frame.refused?.length ?? 0
        break
      case 'values':
        if (frame.v) this.take(frame.v, frame.server_ms ?? serverNow())
        break
      case 'topic':
        for (const handler of this.topics.get(frame.topic ?? '') ?? [])
          handler(frame.data, frame.server_ms ?? serverNow())
        break
    }
  }

  private take(flat: (number | null)[], serverMs: number): void {
    this.table.apply(flat)
    if (Date.now() > this.snapshotUntil) {
      // A snapshot repeats old values; only what came by itself says how late the data is.
      for (let i = 2; i < flat.length; i += 4) this.delays.push(Math.max(0, serverMs - (flat[i] as number)))
      if (this.delays.length > 600) this.delays.splice(0, this.delays.length - 600)
    }
    if (!this.frameQueued) {
      this.frameQueued = true
      requestAnimationFrame(() => {
        this.frameQueued = false
        this.version.value += 1
      })
    }
  }

  private listen(): void {
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => {
      if (!this.socket) return
      if (this.delays.length) {
        const sorted = [...this.delays].sort((a, b) => a - b)
        this.delayMs.value = sorted[sorted.length >> 1] ?? null
        this.delays = this.delays.slice(-200)
      }
      const silent = Date.now() - this.heardAt
      if (this.askedAt && Date.now() - this.askedAt > ANSWER) {
        const socket = this.socket
        this.lost()
        socket.close()
        return
      }
      if (silent > SILENCE && !this.askedAt) {
        // An empty subscription is answered: it tells a quiet park from a dead line.
        this.askedAt = Date.now()
        this.send({ op: 'subscribe', points: [], topics: [] })
      }
      this.listen()
    }, 1000)
  }

  private queueFlush(): void {
    if (this.flushQueued) return
    this.flushQueued = true
    queueMicrotask(() => {
      this.flushQueued = false
      this.flush()
    })
  }

  private flush(): void {
    if (this.state.value !== 'open') return
    if (this.pendingOff.size) {
      const off = [...this.pendingOff]
      for (const id of off) this.table.drop(id)
      this.send({ op: 'unsubscribe', points: off, topics: [] })
      this.pendingOff.clear()
    }
    if (this.pendingOn.size) {
      const on = [...this.pendingOn].slice(0, this.limit)
      this.snapshotUntil = Date.now() + 1500
      this.send({ op: 'subscribe', points: on, topics: [] })
      this.pendingOn.clear()
    }
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
  }
}

export const link = new LiveLink()
