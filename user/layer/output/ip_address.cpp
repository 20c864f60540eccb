// SPDX-License-Identifier: GPL-2.0-only
#include "layer/output/ip_address.h"

#include <arpa/inet.h>

Cell ip_address(int version, const uint8_t (&bytes)[16])
{
	char text[INET6_ADDRSTRLEN] = "";
	inet_ntop(version == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text));
	return cell(std::string_view(text));
}
