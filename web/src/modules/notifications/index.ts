import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const notifications: WebModule = {
  name: 'notifications',
  routes: [
    {
      path: '/notifications/:tab(preferences)?',
      name: 'notifications',
      component: () => import('./NotificationsPage.vue'),
      meta: { permission: 'notifications.inbox.use', title: 'notifications.nav' },
    },
    {
      path: '/admin/notifications/:tab(deliveries)?',
      name: 'admin-notifications',
      component: () => import('./ChannelsPage.vue'),
      meta: { permission: 'notifications.channel.read', title: 'notifications.admin.nav' },
    },
  ],
  nav: [
    { route: 'notifications', label: 'notifications.nav', permission: 'notifications.inbox.use', order: 110, group: 'more' },
    { route: 'admin-notifications', label: 'notifications.admin.nav', permission: 'notifications.channel.read', order: 935, group: 'admin' },
  ],
  locales: { 'zh-CN': zh, en },
}
export default notifications
