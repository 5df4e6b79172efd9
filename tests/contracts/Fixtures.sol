// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// What tests pay with. Its code is put at USDC's real address, and at another one as a token nobody asked for.
contract Dollar is ERC20 {
    constructor() ERC20("Test Dollar", "TUSD") {}

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// Keeps a hundredth of what is sent.
contract FeeDollar is Dollar {
    address private constant COLLECTOR = address(0xFEE);

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) {
            super._update(from, to, value);
            return;
        }
        uint256 fee = value / 100;
        super._update(from, COLLECTOR, fee);
        super._update(from, to, value - fee);
    }
}

/// Says that money moved, and moves none.
contract Liar {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function transfer(address to, uint256 value) external returns (bool) {
        emit Transfer(msg.sender, to, value);
        return true;
    }
}

/// An NFT's event: the same name, another shape.
contract Picture {
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);

    function transfer(address to, uint256 tokenId) external returns (bool) {
        emit Transfer(msg.sender, to, tokenId);
        return true;
    }
}

/// Takes from the sender and pays two.
contract Splitter {
    function split(IERC20 token, address one, uint256 first, address other, uint256 second) external payable {
        if (address(token) == address(0)) {
            (bool paid, ) = one.call{value: first}("");
            require(paid);
            (paid, ) = other.call{value: second}("");
            require(paid);
        } else {
            require(token.transferFrom(msg.sender, one, first));
            require(token.transferFrom(msg.sender, other, second));
        }
    }
}

/// A wallet that is a contract: whoever calls it sends what it holds.
contract Wallet {
    struct Call {
        address target;
        bytes data;
    }

    function execute(Call[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done, ) = calls[i].target.call(calls[i].data);
            require(done);
        }
    }
}
