import { Problem } from '@/api/client'
import { t } from '@/i18n'

/** What went wrong and what to do about it, in one line for a person. */
export function explain(error: unknown): string {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error)
  if (error.status === 0) return t('shell.error.network')
  const what = error.body.detail ?? error.body.title ?? t('shell.error.http', { status: error.status })
  return [what, error.body.action].filter(Boolean).join(' ')
}
