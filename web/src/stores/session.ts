import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, Problem } from '@/api/client'
import type { Me, Meta, SignIn } from '@/api/types'
import { forgetAnswers } from '@/offline/worker'
import { learnServerTime } from './clock'

/** Whether a granted pattern covers a permission; the same rule as `kernel/permissions.py`. */
export function covers(pattern: string, permission: string): boolean {
  if (pattern === '*') return true
  const want = pattern.split('.')
  const have = permission.split('.')
  for (const [i, token] of want.entries()) {
    if (token === '*' && i === want.length - 1) return have.length > i
    if (i >= have.length || (token !== '*' && token !== have[i])) return false
  }
  return want.length === have.length
}

export const useSession = defineStore('session', () => {
  const me = ref<Me | null>(null)
  const meta = ref<Meta | null>(null)
  /** Whether the question “who am I” has been answered once. */
  const asked = ref(false)
  const csrf = ref<string | null>(null)

  const signedIn = computed(() => me.value !== null)
  const may = (permission?: string): boolean =>
    !permission || (me.value?.grants.some((grant) => covers(grant, permission)) ?? false)

  function take(next: Me): void {
    me.value = next
    csrf.value = next.csrf ?? csrf.value
    learnServerTime(next.server_ms)
  }

  async function loadMeta(): Promise<void> {
    meta.value = await api.get<Meta>('/meta', undefined, { quiet: true })
    if (meta.value.server_ms) learnServerTime(meta.value.server_ms)
  }

  async function restore(): Promise<void> {
    try {
      take(await api.get<Me>('/session', undefined, { quiet: true }))
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error
      me.value = null
    } finally {
      asked.value = true
    }
  }

  async function signIn(form: SignIn): Promise<void> {
    take(await api.post<Me>('/session', form, { quiet: true }))
  }

  async function signOut(): Promise<void> {
    await api.delete('/session', { quiet: true }).catch(() => undefined)
    forget()
  }

  function forget(): void {
    me.value = null
    csrf.value = null
    forgetAnswers()
  }

  return { me, meta, asked, csrf, signedIn, may, loadMeta, restore, signIn, signOut, forget, take }
})
