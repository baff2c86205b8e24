// SPDX-License-Identifier: GPL-2.0
/* SPI bus 0 whose wire is a character device: userspace plays the panel at device 0 (/dev/spidev0.0).
 * read(/dev/spi-bench): one record per transfer {u8 dc, u8 device, u16 len, u8 data[len]}
 * dc: level of the panel's D/C line while the bytes came, read off the header's pin (parameter `dc`, a line of
 * gpio-bench), as a panel reads it with the last bit of each byte.
 */
#include <linux/module.h>
#include <linux/spi/spi.h>
#include <linux/gpio/driver.h>
#include <linux/miscdevice.h>
#include <linux/kfifo.h>
#include <linux/vmalloc.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/platform_device.h>
#define ROOM (4 << 20)

static struct kfifo rec;
static DEFINE_SPINLOCK(lk);
static DECLARE_WAIT_QUEUE_HEAD(wq);
static unsigned long overruns;
static unsigned int dc = 24;
static struct gpio_chip *header;
static struct spi_controller *bus;
static struct platform_device *pdev;
static void *room;

static int xfer(struct spi_controller *c, struct spi_message *m)
{
	struct spi_transfer *t;
	list_for_each_entry(t, &m->transfers, transfer_list) {
		struct { u8 dc, device; u16 len; } h = { header->get(header, dc), m->spi->chip_select, t->len };
		m->actual_length += t->len;
		if (t->rx_buf)
			memset(t->rx_buf, 0, t->len);	/* panels are only written to */
		if (!t->tx_buf || t->len > U16_MAX)
			continue;
		spin_lock(&lk);
		if (kfifo_avail(&rec) < sizeof(h) + t->len)
			overruns++;
		else {
			kfifo_in(&rec, &h, sizeof(h));
			kfifo_in(&rec, t->tx_buf, t->len);
		}
		spin_unlock(&lk);
		wake_up_interruptible(&wq);
	}
	m->status = 0;
	spi_finalize_current_message(c);
	return 0;
}

static ssize_t b_read(struct file *f, char __user *u, size_t n, loff_t *o)
{
	unsigned int c; int r;
	if (kfifo_is_empty(&rec)) {
		if (f->f_flags & O_NONBLOCK) return -EAGAIN;
		r = wait_event_interruptible(wq, !kfifo_is_empty(&rec));
		if (r) return r;
	}
	r = kfifo_to_user(&rec, u, n, &c);
	return r ? r : c;
}
static __poll_t b_poll(struct file *f, poll_table *p)
{ poll_wait(f, &wq, p); return kfifo_is_empty(&rec) ? 0 : EPOLLIN | EPOLLRDNORM; }
static const struct file_operations fo = { .owner = THIS_MODULE, .read = b_read, .poll = b_poll };
static struct miscdevice md = { .minor = MISC_DYNAMIC_MINOR, .name = "spi-bench", .fops = &fo };
module_param(overruns, ulong, 0444);
module_param(dc, uint, 0644);

static int is_header(struct gpio_chip *c, void *_) { return !strcmp(c->label, "pinctrl-bcm2835") && c->ngpio == 28; }
static int __init ini(void)
{
	/* spidev takes no device that is called just spidev; this is one of the names that it knows */
	struct spi_board_info panel = { .modalias = "bk4", .max_speed_hz = 125000000 };
	int r = -ENOMEM;
	header = gpiochip_find(NULL, is_header);
	if (!header) return -ENODEV;
	room = vzalloc(ROOM);
	if (!room) return r;
	kfifo_init(&rec, room, ROOM);
	pdev = platform_device_register_simple("spi-bench", -1, NULL, 0);
	if (IS_ERR(pdev)) { r = PTR_ERR(pdev); goto e1; }
	bus = spi_alloc_master(&pdev->dev, 0);
	if (!bus) goto e2;
	bus->bus_num = 0;
	bus->num_chipselect = 2;
	bus->mode_bits = SPI_CPOL | SPI_CPHA | SPI_CS_HIGH | SPI_NO_CS;
	bus->max_speed_hz = 125000000;	/* a Pi's */
	bus->transfer_one_message = xfer;
	r = spi_register_controller(bus);
	if (r) { spi_controller_put(bus); goto e2; }
	r = misc_register(&md);
	if (r) goto e3;
	if (spi_new_device(bus, &panel)) return 0;
	r = -ENODEV;
	misc_deregister(&md);
e3:	spi_unregister_controller(bus);
e2:	platform_device_unregister(pdev);
e1:	vfree(room);
	return r;
}
static void __exit fin(void)
{ spi_unregister_controller(bus); misc_deregister(&md); platform_device_unregister(pdev); vfree(room); }
module_init(ini); module_exit(fin);
MODULE_LICENSE("GPL");
