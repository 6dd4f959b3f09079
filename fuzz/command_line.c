/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words of a command line, one in each line of the input, for a command that takes every kind of option, and the
 * address of a channel among them. What is wrong is wrong use, with exit code 2; nothing is looked up or connected to.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cli/channel.h"
#include "cli/cli.h"
#include "fuzz/property.h"

#define WORDS 64

static bool flag;
static unsigned count;
static const char *text, *channel;
static struct cli_list list;
static uint64_t size_of_it;

static const struct cli_option options[] = {
	{'g', "flag", CLI_FLAG, &flag, NULL, "a flag"},
	{'n', "count", CLI_COUNT, &count, NULL, "a count"},
	{'t', "text", CLI_TEXT, &text, "TEXT", "a text"},
	{'l', "list", CLI_LIST, &list, "ITEM", "a list"},
	{'m', "size", CLI_SIZE, &size_of_it, "SIZE", "a size"},
	{'c', "connect", CLI_TEXT, &channel, "CHANNEL", "a channel"},
	{0},
};

static const struct cli_command command = {
	.name = "fuzz",
	.usage = "[WORD ...]",
	.summary = "takes everything",
	.takes = CLI_TAKES_JSON | CLI_TAKES_DEVICES | CLI_TAKES_PROTOCOL | CLI_MIGRATES,
	.words = {0, CLI_ANY},
	.text = "",
	.examples = "",
	.options = options,
};

/* In the place of the C library's. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		struct addrinfo **found)
{
	static struct sockaddr_in6 at = {.sin6_family = AF_INET6};
	static struct addrinfo info = {.ai_addr = (struct sockaddr *)&at, .ai_addrlen = sizeof(at)};

	HOLDS(host[0] || port[0]);
	*found = &info;
	return strlen(host) % 2 ? EAI_NONAME : 0;
}

void freeaddrinfo(struct addrinfo *found)
{
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	HOLDS(len <= sizeof(struct sockaddr_storage));
	errno = EACCES;
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *word[WORDS + 1], *rest = copy;
	struct cli_list words = {.count = 0};
	int words_given = 0, ret, fd = -1;

	if (stdout != stderr)
		stdout = stderr = fopen("/dev/null", "we");
	memcpy(copy, data, size);
	copy[size] = 0;
	while (words_given < WORDS && (word[words_given] = strsep(&rest, "\n")))
		words_given++;
	word[words_given] = NULL;
	memset(&cli, 0, sizeof(cli));
	memset(&list, 0, sizeof(list));
	channel = NULL;
	ret = cli_parse(&command, words_given, word, &words);
	HOLDS(ret >= -1 && ret <= CLI_USAGE);
	HOLDS(words.count <= (size_t)words_given && list.count <= (size_t)words_given);
	if (ret < 0 && channel) {
		ret = cli_channel_open(channel, NULL, 1, &fd);
		HOLDS(!ret == !strncmp(channel, "fd:", 3) || ret == CLI_FAILED || ret == CLI_USAGE);
	}
	free(cli.migration);
	free(copy);
	return 0;
}
